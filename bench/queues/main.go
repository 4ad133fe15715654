// Command queues measures the workers of Symphony's queues, and those of asynq
// beside them, in turns on one server.
//
//	go run ./queues          # everything
//	go run ./queues wake     # how long an item waits for an idle worker
//	go run ./queues idle     # what idle workers send
//	go run ./queues look     # what looking costs while queues wait
//	go run ./queues order    # the rate of queues that are handled in order
//
// It starts a redis-server, which must be in the path, or uses an empty
// database: -url redis://localhost:6379/5. Each command has more flags, which
// -h lists.
package main

import "github.com/symphony-go/symphony/bench/program"

func main() { queues.Main() }

var queues = program.Program{Name: "queues", Commands: []program.Command{
	{Name: "wake", New: func() program.Measurement { return &wake{} }},
	{Name: "idle", New: func() program.Measurement { return &idle{} }},
	{Name: "look", New: func() program.Measurement { return &search{} }},
	{Name: "order", New: func() program.Measurement { return &order{} }},
}}
