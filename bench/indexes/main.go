// Command indexes measures what indexes of records cost, in turns on one
// server.
//
//	go run ./indexes          # everything
//	go run ./indexes write    # Upsert with a list and with indexes, against Upsert without
//	go run ./indexes read     # reads by an index among 1,000,000 records, against reads by id
//	go run ./indexes memory   # the bytes of an entry
//
// It starts a redis-server, which must be in the path, or uses an empty
// database: -url redis://localhost:6379/5. Each command has more flags, which
// -h lists.
package main

import "github.com/symphony-go/symphony/bench/program"

func main() { indexes.Main() }

var indexes = program.Program{Name: "indexes", Commands: []program.Command{
	{Name: "write", New: func() program.Measurement { return &write{} }},
	{Name: "read", New: func() program.Measurement { return &read{} }},
	{Name: "memory", New: func() program.Measurement { return &memory{} }},
}}
