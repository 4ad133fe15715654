package hashrepo_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Sample is the Go form of the types below, which store it under other names.
type Sample struct {
	Number float32
	List   []int
	Text   string
}

type SampleBefore struct {
	Number float32 `redis:"n"`
	List   []int   `redis:"l"`
	Text   string  `redis:"t,omitzero"`
}

type SampleBetween struct {
	Number float32 `redis:"n,was=number"`
	List   []int   `redis:"l,was=list"`
	Text   string  `redis:"t,omitzero,was=text"`
}

type SampleAfter struct {
	Number float32 `redis:"number,was=oldest,was=n"`
	List   []int   `redis:"list,was=l"`
	Text   string  `redis:"text,omitzero,was=t"`
}

// storedSample is the model of a stored Sample: the values by their names in
// Redis. It is nil if there is no record.
type storedSample map[string]any

// sampleView is a repository of a type above.
type sampleView struct {
	name  string
	names [3][]string                               // the name of each field, and its old names
	call  map[string]func(s Sample) (Sample, error) // the result is the sample after the call
}

// read returns the sample that the type reads.
func (v sampleView) read(stored storedSample) (s Sample) {
	for field, names := range v.names {
		for _, name := range names {
			value, ok := stored[name]
			if !ok {
				continue
			}
			switch field {
			case 0:
				s.Number = value.(float32)
			case 1:
				s.List = value.([]int)
			default:
				s.Text = value.(string)
			}
			break
		}
	}
	return s
}

// write stores a field of a sample, and removes its old names.
func (v sampleView) write(stored storedSample, s Sample, field int) {
	for _, name := range v.names[field] {
		delete(stored, name)
	}
	name := v.names[field][0]
	switch {
	case field == 0:
		stored[name] = s.Number
	case field == 1 && s.List != nil:
		stored[name] = s.List
	case field == 2 && s.Text != "":
		stored[name] = s.Text
	}
}

// newSampleView returns the view of a repository. sample returns the Sample in
// a T.
func newSampleView[T any](t *testing.T, p *pool.Pools, tenant string, c codec.Codec, sample func(*T) *Sample, names [3][]string) sampleView {
	repo, err := hashrepo.New[T](p, pool.User, space(t, tenant), hashrepo.Codec(c))
	require.NoError(t, err)
	number := hashrepo.NumberOf(func(v *T) *float32 { return &sample(v).Number })
	list := hashrepo.ListOf(func(v *T) *[]int { return &sample(v).List })
	text := hashrepo.FieldOf(func(v *T) *string { return &sample(v).Text })
	of := func(s Sample) (v T) { *sample(&v) = s; return v }
	get := func() (Sample, error) { v, err := repo.Get(ctx, "u"); return *sample(&v), err }
	then := func(err error) (Sample, error) {
		if err != nil {
			return Sample{}, err
		}
		return get()
	}
	return sampleView{fmt.Sprintf("%T", *new(T)), names, map[string]func(Sample) (Sample, error){
		"Get":     func(Sample) (Sample, error) { return get() },
		"Upsert":  func(s Sample) (Sample, error) { return then(repo.Upsert(ctx, "u", of(s))) },
		"Replace": func(s Sample) (Sample, error) { return then(repo.Replace(ctx, "u", of(s))) },
		"Set":     func(s Sample) (Sample, error) { return then(repo.Update(ctx, "u", text.Set(s.Text))) },
		"Clear":   func(Sample) (Sample, error) { return then(repo.Update(ctx, "u", list.Clear())) },
		"DeleteField": func(Sample) (Sample, error) {
			_, err := repo.DeleteField(ctx, "u", list.Name(), text.Name())
			return then(err)
		},
		"Add and Append": func(Sample) (Sample, error) {
			v, err := repo.Merge(ctx, "u", number.Add(1), list.Append(7))
			return *sample(&v), err
		},
		"Mutate": func(s Sample) (Sample, error) {
			v, err := repo.Mutate(ctx, "u", func(v *T) error { sample(v).Text = s.Text; return nil })
			return *sample(&v), err
		},
	}}
}

// apply applies a call with a sample to the model.
func (v sampleView) apply(stored storedSample, call string, s Sample) storedSample {
	missing, before := stored == nil, v.read(stored)
	if missing {
		stored = storedSample{}
	}
	var fields []int // that the call writes
	switch call {
	case "Replace":
		stored, fields = storedSample{}, []int{0, 1, 2}
	case "Upsert":
		fields = []int{0, 1, 2}
	case "Set":
		fields = []int{2}
	case "Clear":
		s, fields = Sample{}, []int{1}
	case "Add and Append":
		s, fields = Sample{Number: before.Number + 1, List: append(slices.Clone(before.List), 7)}, []int{0, 1}
	case "Mutate":
		s, fields = Sample{before.Number, before.List, s.Text}, []int{1, 2}
		if missing || slices.ContainsFunc(v.names[0], func(name string) bool { return stored[name] != nil }) {
			fields = []int{0, 1, 2}
		}
	case "DeleteField":
		s, fields = Sample{}, []int{1, 2}
	}
	if missing && (call == "Get" || call == "DeleteField") {
		return nil
	}
	for _, field := range fields {
		v.write(stored, s, field)
	}
	return stored
}

// Random calls of an old type, a new one and one between them on one record
// give what a model of the stored names gives, and leave the same names.
func TestOldNamesAgainstModel(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		rapid.Check(t, func(rt *rapid.T) {
			c := codecs[rapid.IntRange(0, len(codecs)-1).Draw(rt, "codec")]
			tenant := pooltest.UniqueTenant()
			views := []sampleView{
				newSampleView(t, p, tenant, c, func(v *SampleBefore) *Sample { return (*Sample)(v) }, [3][]string{{"n"}, {"l"}, {"t"}}),
				newSampleView(t, p, tenant, c, func(v *SampleBetween) *Sample { return (*Sample)(v) },
					[3][]string{{"n", "number"}, {"l", "list"}, {"t", "text"}}),
				newSampleView(t, p, tenant, c, func(v *SampleAfter) *Sample { return (*Sample)(v) },
					[3][]string{{"number", "oldest", "n"}, {"list", "l"}, {"text", "t"}}),
			}
			var stored storedSample
			for range rapid.IntRange(1, 12).Draw(rt, "calls") {
				view := views[rapid.IntRange(0, len(views)-1).Draw(rt, "type")]
				call := rapid.SampledFrom(slices.Sorted(maps.Keys(view.call))).Draw(rt, "call")
				s := Sample{
					Number: float32(rapid.IntRange(0, 9).Draw(rt, "number")),
					List:   rapid.SampledFrom([][]int{nil, {}, {1, 2}}).Draw(rt, "list"),
					Text:   rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "text"),
				}
				stored = view.apply(stored, call, s)
				got, err := view.call[call](s)
				if stored == nil {
					require.ErrorIs(rt, err, symphony.ErrNotFound)
					continue
				}
				require.NoError(rt, err)
				require.Equal(rt, view.read(stored), got, "%s of %s", call, view.name)
				fields := pooltest.Hash(t, p, pool.User, tenant+":user:u")
				delete(fields, "_")
				require.ElementsMatch(rt, slices.Collect(maps.Keys(stored)), slices.Collect(maps.Keys(fields)), "%s of %s", call, view.name)
			}
		})
	})
}

// Concurrent writers of the old and the new name lose nothing, if each reads
// the name of the other.
func TestWritersOfBothNamesLoseNothing(t *testing.T) {
	const writers, rounds = 8, 10
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			tenant := pooltest.UniqueTenant()
			between := newSampleView(t, p, tenant, c, func(v *SampleBetween) *Sample { return (*Sample)(v) }, [3][]string{})
			after := newSampleView(t, p, tenant, c, func(v *SampleAfter) *Sample { return (*Sample)(v) }, [3][]string{})
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					view := []sampleView{between, after}[w%2]
					for round := range rounds {
						call := []string{"Add and Append", "Mutate"}[round%2]
						if _, err := view.call[call](Sample{}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			got, err := after.call["Get"](Sample{})
			require.NoError(t, err)
			require.EqualValues(t, writers*rounds/2, got.Number)
			require.Len(t, got.List, writers*rounds/2)
		}
	})
}
