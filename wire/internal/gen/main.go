// Command gen turns zookeeper.schema into z_records.go, a struct for each record
// with its encoder and decoder, and z_records_test.go, a list of them all. Run it
// by go generate in package wire.
package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	src, err := os.ReadFile("zookeeper.schema")
	if err != nil {
		log.Fatal(err)
	}
	records, err := Parse(string(src))
	if err != nil {
		log.Fatal(fmt.Errorf("zookeeper.schema: %w", err))
	}
	write("z_records.go", Generate, records)
	write("z_records_test.go", GenerateTest, records)
}

func write(file string, generate func([]Record) ([]byte, error), records []Record) {
	out, err := generate(records)
	if err != nil {
		log.Fatal(fmt.Errorf("%s: %w", file, err))
	}
	if err := os.WriteFile(file, out, 0o644); err != nil {
		log.Fatal(err)
	}
}
