package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/symphony-go/symphony/cmd/symphony/inspect"
)

var checkCommand = command{
	name: "check", summary: "find servers that may lose data, records of a wrong type, forgotten lifetimes and invalid dead letters",
	setup: func(*flag.FlagSet) func(context.Context, *session) error { return check },
}

func check(ctx context.Context, s *session) error {
	s.walks(ctx, 1, inspect.CheckedPools(s.pools)...)
	var checked inspect.Checked
	n, err := printRows(s, []column[inspect.Problem]{
		{"CHECK", func(p inspect.Problem) string { return p.Check }},
		{"POOL", func(p inspect.Problem) string { return cell(string(p.Pool)) }},
		{"KEY", func(p inspect.Problem) string { return cell(p.Key) }},
		{"PROBLEM", func(p inspect.Problem) string { return plain(p.Text) }},
	}, inspect.Check(ctx, s.pools, &checked))
	if err != nil {
		return err
	}
	if !s.json {
		_, err = fmt.Fprintf(s.out, "problems: %d; keys checked: %d, of which %d match no pattern of the layout\n", n, checked.Keys, checked.Unknown)
	}
	if err == nil && n > 0 {
		err = errProblem
	}
	return err
}
