// Command gen turns zookeeper.schema into z_records.go: a struct for each
// record with its encoder and decoder. Run it by go generate in package wire.
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
	out, err := Generate(records)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("z_records.go", out, 0o644); err != nil {
		log.Fatal(err)
	}
}
