package main

import (
	"os"
	"strings"
	"testing"
)

func schema(t *testing.T) []Record {
	t.Helper()
	src, err := os.ReadFile("../../zookeeper.schema")
	if err != nil {
		t.Fatal(err)
	}
	records, err := Parse(string(src))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// What is checked in is what the generator makes of the schema.
func TestOutputIsUpToDate(t *testing.T) {
	for file, generate := range map[string]func([]Record) ([]byte, error){
		"../../z_records.go":      Generate,
		"../../z_records_test.go": GenerateTest,
	} {
		want, err := generate(schema(t))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is not what the schema says: run go generate ./wire", file)
		}
	}
}

func TestSchemaIsDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range schema(t) {
		if r.Doc == "" {
			t.Errorf("record %s has no doc sentence", r.Name)
		}
		if !strings.HasSuffix(r.Doc, ".") && !strings.Contains(r.Doc, ". ") {
			t.Errorf("record %s: doc is not a sentence: %q", r.Name, r.Doc)
		}
		if seen[r.Name] {
			t.Errorf("record %s is defined twice", r.Name)
		}
		seen[r.Name] = true
		if len(r.Fields) == 0 {
			t.Errorf("record %s has no fields", r.Name)
		}
	}
}

func TestParse(t *testing.T) {
	records, err := Parse("# comment\nA  is a thing.\n  X int   how many\n  Y []A  more\n\nB  is another.\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 2 || records[0].Doc != "is a thing." || len(records[0].Fields) != 2 || records[1].Name != "B" {
		t.Fatalf("got %+v", records)
	}
	if f := records[0].Fields[1]; f != (Field{"Y", "[]A", "more"}) {
		t.Errorf("got field %+v", f)
	}
}

func TestParseErrors(t *testing.T) {
	for _, src := range []string{
		"  X int  before any record\n",
		"A  is a thing.\n  X int\n",
		"A  is a thing.\n  X\n",
	} {
		if _, err := Parse(src); err == nil || !strings.Contains(err.Error(), "line") {
			t.Errorf("Parse(%q): error %v, want one that names the line", src, err)
		}
	}
}

func TestGenerateErrors(t *testing.T) {
	for _, typ := range []string{"short", "[]short", "Later"} {
		_, err := Generate([]Record{{Name: "A", Fields: []Field{{"X", typ, "doc"}}}, {Name: "Later"}})
		if err == nil || !strings.Contains(err.Error(), "record A: field X") {
			t.Errorf("type %s: error %v, want one that names record and field", typ, err)
		}
	}
}
