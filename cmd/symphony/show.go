package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/pool"
)

var showCommand = command{
	name: "show", args: "TENANT/KIND/ID | KEY",
	summary: "show a record: its type, fields, values and lifetime",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		view := viewFlags(flags)
		alias := flags.String("pool", "", "the `ALIAS` of the pool; the argument is then a key. Without it, a key is looked for in all pools")
		limit := flags.Int("n", 100, "how many fields, items or members to show")
		return func(ctx context.Context, s *session) error {
			v, err := view()
			switch {
			case err != nil:
				return err
			case len(s.args) != 1:
				return usagef("show takes one record, such as acme/user/u1, or a key, such as acme:user:u1")
			case *limit < 1:
				return usagef("-n is %d; write at least 1", *limit)
			}
			return s.show(ctx, s.args[0], pool.Alias(*alias), *limit, v)
		}
	},
}

// viewFlags defines the flags for values.
func viewFlags(flags *flag.FlagSet) func() (inspect.View, error) {
	redact := flags.Bool("redact", false, "show the lengths of values in place of the values")
	name := flags.String("codec", "compact", "the `NAME` of the codec of the values: compact, json or msgpack")
	return func() (inspect.View, error) {
		c, ok := map[string]codec.Codec{"compact": codec.Compact, "json": codec.JSON, "msgpack": codec.MsgPack}[*name]
		if !ok {
			return inspect.View{}, usagef("there is no codec %q; write compact, json or msgpack", *name)
		}
		return inspect.View{Codec: c, Redact: *redact}, nil
	}
}

func (s *session) show(ctx context.Context, text string, alias pool.Alias, limit int, view inspect.View) error {
	name := inspect.Name{Pool: alias, Key: text}
	if alias == "" {
		var err error
		if name, err = inspect.ParseName(s.pools, text); err != nil {
			return err
		}
	}
	records, err := inspect.Records(ctx, s.pools, name, limit, view)
	if err == nil && len(records) == 0 {
		err = fmt.Errorf("%w: there is no key %q", symphony.ErrNotFound, name.Key)
	}
	for i, r := range records {
		if i > 0 && !s.json {
			_, _ = fmt.Fprintln(s.out)
		}
		if err = s.showRecord(r); err != nil {
			break
		}
	}
	return err
}

func (s *session) showRecord(r inspect.Record) error {
	if s.json {
		return s.printObject(r)
	}
	memory := "unknown"
	if r.Memory > 0 {
		memory = size(r.Memory)
	}
	for _, line := range [][2]string{
		{"key", plain(r.Key)},
		{"pool", string(r.Pool)},
		{"type", r.Type},
		{"lifetime", remaining(time.Duration(r.TTL))},
		{"memory", memory},
		{"length", number(r.Length)},
	} {
		if _, err := fmt.Fprintf(s.out, "%-9s %s\n", line[0], line[1]); err != nil {
			return err
		}
	}
	if len(r.Parts) == 0 {
		return nil
	}
	_, _ = fmt.Fprintln(s.out)
	_, err := printRows(s, partColumns(r), func(yield func(inspect.Part, error) bool) {
		for _, p := range r.Parts {
			if !yield(p, nil) {
				return
			}
		}
	})
	if more := r.Length - int64(len(r.Parts)); err == nil && more > 0 && r.Type != "string" {
		_, err = fmt.Fprintf(s.out, "and %d more; -n shows more of them\n", more)
	}
	return err
}

// partColumns returns the columns that the parts of a record have.
func partColumns(r inspect.Record) (columns []column[inspect.Part]) {
	var names, scores, lifetimes bool
	for _, p := range r.Parts {
		names, scores, lifetimes = names || p.Name != "", scores || p.Score != nil, lifetimes || p.TTL != 0
	}
	if names {
		columns = append(columns, column[inspect.Part]{"NAME", func(p inspect.Part) string { return plain(p.Name) }})
	}
	if scores {
		columns = append(columns, column[inspect.Part]{"SCORE", func(p inspect.Part) string { return p.Score.String() }})
	}
	if lifetimes {
		columns = append(columns, column[inspect.Part]{"LIFETIME", func(p inspect.Part) string { return remaining(time.Duration(p.TTL)) }})
	}
	return append(columns, column[inspect.Part]{"VALUE", func(p inspect.Part) string { return jsonText(p.Value) }})
}

// jsonText returns JSON as it is shown in a cell. JSON escapes most control
// characters, but not all.
func jsonText(value json.RawMessage) string { return plain(string(value)) }

// remaining returns the rest of a lifetime.
func remaining(d time.Duration) string {
	switch {
	case d == 0:
		return "none"
	case d > time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// size returns a number of bytes with a unit.
func size(bytes int64) string {
	if bytes < 1<<10 {
		return number(bytes) + " B"
	}
	exponent := min(int(math.Log2(float64(bytes))/10), 4)
	return fmt.Sprintf("%.1f %ciB", float64(bytes)/math.Pow(1024, float64(exponent)), " KMGT"[exponent])
}
