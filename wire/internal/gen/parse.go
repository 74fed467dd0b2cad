package main

import (
	"fmt"
	"strings"
)

// A Record is one paragraph of the schema.
type Record struct {
	Name, Doc string
	Fields    []Field
}

// A Field is one line of a record.
type Field struct {
	Name, Type, Doc string
}

// Parse reads a schema.
func Parse(src string) ([]Record, error) {
	var records []Record
	for i, line := range strings.Split(src, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0][0] == '#':
		case line[0] != ' ':
			records = append(records, Record{Name: words[0], Doc: strings.Join(words[1:], " ")})
		case len(words) < 3 || len(records) == 0:
			return nil, fmt.Errorf("line %d: want a name, a type and what the field is", i+1)
		default:
			r := &records[len(records)-1]
			r.Fields = append(r.Fields, Field{words[0], words[1], strings.Join(words[2:], " ")})
		}
	}
	return records, nil
}
