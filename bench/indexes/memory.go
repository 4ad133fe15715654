package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/peers"
)

// memory measures the bytes of the list and the indexes of a space.
type memory struct{ records int }

func (m *memory) Flags(f *flag.FlagSet) {
	f.IntVar(&m.records, "n", 100_000, "records of each kind")
}

// Records of one field, which differ in their index.
type (
	noIndex   struct{ Text string }
	textIndex struct {
		Text string `redis:"Text,index"`
	}
	numberIndex struct {
		Number int64 `redis:"Number,index"`
	}
	timeIndex struct {
		Time time.Time `redis:"Time,index"`
	}
	tagsIndex struct {
		Tags []string `redis:"Tags,index"`
	}
)

// stored is what a kind of records takes.
type stored struct {
	name string
	keys map[string]int64 // bytes, by the first part of the key
}

func (m *memory) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	if m.records < 1 {
		return fmt.Errorf("-n: %d records are too few", m.records)
	}
	text := func(i int) string { return fmt.Sprintf("alice%07d@example.com", i) }
	var all []stored
	for _, measure := range []func() (stored, error){
		func() (stored, error) {
			return weigh(ctx, m, g, "neither list nor index", func(i int) noIndex { return noIndex{text(i)} })
		},
		func() (stored, error) {
			return weigh(ctx, m, g, "Listed", func(i int) noIndex { return noIndex{text(i)} }, symphony.Listed())
		},
		func() (stored, error) {
			return weigh(ctx, m, g, "index of a text of 24 bytes", func(i int) textIndex { return textIndex{text(i)} })
		},
		func() (stored, error) {
			return weigh(ctx, m, g, "index of an int64", func(i int) numberIndex { return numberIndex{int64(i)} })
		},
		func() (stored, error) {
			return weigh(ctx, m, g, "index of a time", func(i int) timeIndex { return timeIndex{peers.ProfileOf(i).Created} })
		},
		func() (stored, error) {
			return weigh(ctx, m, g, "index of a list of three texts of 8 bytes", func(i int) tagsIndex {
				return tagsIndex{[]string{fmt.Sprintf("red%05d", i), fmt.Sprintf("green%03d", i%1000), fmt.Sprintf("blue%04d", i%100)}}
			})
		},
	} {
		s, err := measure()
		if err != nil {
			return errors.Join(err, g.Clear(ctx))
		}
		all = append(all, s)
	}
	return errors.Join(m.tell(out, all), g.Clear(ctx))
}

// weigh writes records and measures the memory of their keys.
func weigh[T any](ctx context.Context, m *memory, g *ground.Ground, name string, valueOf func(i int) T, opts ...symphony.Option) (stored, error) {
	s := stored{name: name, keys: map[string]int64{}}
	if err := g.Clear(ctx); err != nil {
		return s, err
	}
	pools, err := peers.OpenPools(ctx, g.URL, nil)
	if err != nil {
		return s, err
	}
	defer pools.Close()
	repo, err := symphony.NewUser[T](pools, peers.Mark, append(opts, symphony.On(peers.Alias))...)
	if err != nil {
		return s, err
	}
	if err := fill(ctx, repo, m.records, valueOf); err != nil {
		return s, err
	}
	err = s.read(ctx, g)
	return s, err
}

// read sums up MEMORY USAGE of the keys. It looks at every element of a key.
func (s *stored) read(ctx context.Context, g *ground.Ground) error {
	c := g.Client
	for cursor := uint64(0); ; {
		page, err := c.Do(ctx, c.B().Scan().Cursor(cursor).Match("*"+peers.Mark+"*").Count(1000).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		for _, key := range page.Elements {
			bytes, err := c.Do(ctx, c.B().MemoryUsage().Key(key).Samples(0).Build()).AsInt64()
			if err != nil {
				return err
			}
			s.keys[kindOf(key)] += bytes
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// kindOf returns the part of a key before its space, with the name of an index,
// or "records".
func kindOf(key string) string {
	if kind, space, ok := strings.Cut(key, ":{"); ok && strings.HasPrefix(key, "%") {
		_, name, _ := strings.Cut(space, "}")
		return kind + name
	}
	return "records"
}

// tell writes the bytes of a record for each kind of records and of keys.
func (m *memory) tell(w io.Writer, all []stored) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "\nmemory, %d records with ids of %d bytes, in bytes of a record\n", m.records, len(idOf(0)))
	_, _ = fmt.Fprintln(out, "\tby MEMORY USAGE\tbeside the records\tkeys")
	per := func(bytes int64) float64 { return float64(bytes) / float64(m.records) }
	for _, s := range all {
		var sum int64
		var parts []string
		for _, kind := range slices.Sorted(maps.Keys(s.keys)) {
			sum += s.keys[kind]
			parts = append(parts, fmt.Sprintf("%s %.0f", kind, per(s.keys[kind])))
		}
		_, _ = fmt.Fprintf(out, "%s\t%.0f\t%.0f\t%s\n", s.name, per(sum), per(sum-s.keys["records"]), strings.Join(parts, ", "))
	}
	return out.Flush()
}
