package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/symphony-go/symphony/cmd/symphony/inspect"
)

var checkCommand = command{
	name: "check", summary: "find what is wrong with servers, records, indexes, claims, firings and dead letters",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		var files []string
		flags.Func("schema", "compare records with a schema, as `SELECTOR=FILE`: the selector is KIND, KIND/NAME, TENANT/KIND or TENANT/KIND/NAME; "+
			"the file has what hashrepo.Describe returns; may be repeated", func(text string) error {
			files = append(files, text)
			return nil
		})
		return func(ctx context.Context, s *session) error {
			schemas, err := readSchemas(files)
			if err != nil {
				return err
			}
			return check(ctx, s, schemas)
		}
	},
}

// readSchemas reads the files of the flag -schema.
func readSchemas(files []string) (schemas []inspect.Schema, err error) {
	for _, text := range files {
		selector, name, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usagef("-schema is %q; write SELECTOR=FILE, such as user=profile.json", text)
		}
		file, err := os.Open(name) //nolint:gosec // the user names it
		if err != nil {
			return nil, usagef("-schema %s: %s", text, err)
		}
		schema, err := inspect.NewSchema(selector, file)
		_ = file.Close() // nothing was written
		if err != nil {
			return nil, usagef("-schema %s: %s", text, err)
		}
		schemas = append(schemas, schema)
	}
	return schemas, nil
}

func check(ctx context.Context, s *session, schemas []inspect.Schema) error {
	s.walks(ctx, 1)
	var checked inspect.Checked
	n, err := printRows(s, []column[inspect.Problem]{
		{"CHECK", func(p inspect.Problem) string { return p.Check }},
		{"POOL", func(p inspect.Problem) string { return cell(string(p.Pool)) }},
		{"KEY", func(p inspect.Problem) string { return cell(p.Key) }},
		{"PROBLEM", func(p inspect.Problem) string { return plain(p.Text) }},
	}, inspect.Check(ctx, s.pools, &checked, schemas...))
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
