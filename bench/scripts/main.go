// Command scripts measures the processor time that the server takes for the
// operations of Symphony that run a script, beside the leanest commands that do
// the same.
//
//	go run ./scripts          # everything
//	go run ./scripts hashes   # the writes of records
//	go run ./scripts queues   # the calls of workers and producers
//	go run ./scripts triggers # the calls that schedule work
//
// It starts a redis-server, which must be in the path, or uses an empty
// database: -url redis://localhost:6379/5. The times are those of the whole
// server, so nothing else may use it. -h lists the flags.
package main

import "github.com/symphony-go/symphony/bench/program"

func main() { scripts.Main() }

var scripts = program.Program{Name: "scripts", Commands: []program.Command{
	{Name: "hashes", New: func() program.Measurement { return &measurement{operations: hashes} }},
	{Name: "queues", New: func() program.Measurement { return &measurement{operations: queues} }},
	{Name: "triggers", New: func() program.Measurement { return &measurement{operations: triggers} }},
}}
