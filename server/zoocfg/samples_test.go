package zoocfg

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Each testdata/samples/*.cfg is loaded; NAME.golden holds what differs from an
// empty configuration, and the warnings and errors. NAME.myid, if there, is the
// content of dataDir/myid.
func TestSamples(t *testing.T) {
	paths, err := filepath.Glob("testdata/samples/*.cfg")
	if err != nil || len(paths) < 8 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".cfg")
		t.Run(name, func(t *testing.T) {
			got := describe(Load(Source{File: filepath.Base(path), ReadFile: sampleReader(name)}))
			golden := "testdata/samples/" + name + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func sampleReader(name string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if filepath.Base(path) == "myid" {
			path = name + ".myid"
		}
		text, err := os.ReadFile("testdata/samples/" + path)
		if err != nil {
			return nil, fs.ErrNotExist
		}
		return text, nil
	}
}

func describe(c *Config, warnings []Warning, err error) string {
	var b strings.Builder
	if c != nil {
		base, _, _ := Parse("base", []byte("dataDir=/base\nclientPort=1"))
		differences(&b, "", reflect.ValueOf(*base), reflect.ValueOf(*c))
	}
	for _, w := range warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	if err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			fmt.Fprintf(&b, "error: %s\n", line)
		}
	}
	return b.String()
}

// differences prints the exported fields of b that are not those of a.
func differences(out *strings.Builder, name string, a, b reflect.Value) {
	if b.Kind() == reflect.Struct {
		for i := range b.NumField() {
			if f := b.Type().Field(i); f.IsExported() && f.Name != "Text" && f.Name != "Origin" {
				differences(out, strings.TrimPrefix(name+"."+f.Name, "."), a.Field(i), b.Field(i))
			}
		}
		return
	}
	if reflect.DeepEqual(a.Interface(), b.Interface()) {
		return
	}
	switch v := b.Interface().(type) {
	case []Server:
		for _, s := range v {
			fmt.Fprintf(out, "%s: %d = %s (%s)\n", name, s.ID, s, s.Origin)
		}
	case time.Duration, string, Secret:
		fmt.Fprintf(out, "%s: %v\n", name, v)
	default:
		fmt.Fprintf(out, "%s: %+v\n", name, v)
	}
}
