package codec_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pythontest"
)

// Whatever the Python package was seen to write is read as the type that a Go
// program has for it, and is the value that it was.
func TestPythonValues(t *testing.T) {
	read, verbatim, unwritten := 0, 0, 0
	eachWritten(t, func(where string, v pythontest.Value, raw pythontest.Text) {
		switch {
		case raw.Missing != "":
			require.True(t, v.Without() != "" || v.Type == "int", "%s: %s", where, v) // two were given a lifetime in the past
			unwritten++
		case v.Without() == "":
			got := readAs(t, where, v.GoType(), raw.S)
			require.True(t, v.Same(got), "%s: %s became %#v", where, v, got)
			if k := v.GoType().Kind(); k == reflect.Slice || k == reflect.Map || k == reflect.Struct && v.Type == "model" {
				loose := readAs(t, where, reflect.TypeFor[any](), raw.S)
				require.True(t, v.Same(loose), "%s: %s became %#v", where, v, loose)
			}
			read++
		default:
			requireVerbatim(t, where, v, raw.S)
			verbatim++
		}
	})
	require.Equal(t, 1096, read)
	require.Equal(t, 95, verbatim)
	require.Equal(t, 6, unwritten)
}

// eachWritten goes over every value that Python wrote, or meant to.
func eachWritten(t *testing.T, do func(where string, v pythontest.Value, raw pythontest.Text)) {
	t.Helper()
	s := pythontest.Load(t)
	for _, sample := range s.Values {
		do(sample.Name, sample.Value, sample.Raw)
	}
	for _, r := range s.Records {
		for _, e := range r.Written() {
			do(r.ID, e.Value, e.Raw)
		}
	}
}

func readAs(t *testing.T, where string, typ reflect.Type, raw string) any {
	t.Helper()
	dst := reflect.New(typ)
	require.NoError(t, codec.Compact.Unmarshal([]byte(raw), dst.Interface()), "%s: %s", where, raw)
	return dst.Elem().Interface()
}

// What has no type in Go is text or bytes to the letter, and nothing else.
func requireVerbatim(t *testing.T, where string, v pythontest.Value, raw string) {
	t.Helper()
	require.Equal(t, raw, readAs(t, where, reflect.TypeFor[string](), raw), where)
	require.Equal(t, []byte(raw), readAs(t, where, reflect.TypeFor[[]byte](), raw), where)
	for _, dst := range []any{
		new(bool), new(int64), new(uint8), new(float64), new(json.Number), new(time.Time), new(time.Duration), new(pythontest.UUID),
		new(*int64), new(*bool), new(*time.Time), new([]string), new([]any), new([2]int), new(map[string]any), new(map[string]int),
		new(address), new(*address), new(json.RawMessage), new(point),
	} {
		if _, ok := dst.(*time.Duration); ok && v.Type == "time" {
			continue // a time of day is read as what has passed since midnight
		}
		var bad *codec.DecodeError
		require.ErrorAs(t, codec.Compact.Unmarshal([]byte(raw), dst), &bad, "%s: %q as %T", where, raw, dst)
	}
}

// Whatever Go writes, the Python package reads back as the same value wherever
// it reads its own writing so. Where it does not, it makes the same of both but
// for the kinds named here, which it gets wrong from its own writing alone, or
// knows as text alone.
func TestPythonReadsWhatGoWrites(t *testing.T) {
	kept, lossy := 0, 0
	different := map[string]int{}
	eachWritten(t, func(where string, v pythontest.Value, raw pythontest.Text) {
		if v.Without() != "" || raw.Missing != "" {
			return
		}
		data, err := codec.Compact.Marshal(readAs(t, where, v.GoType(), raw.S))
		require.NoError(t, err, where)
		theirs, ours := pythontest.ReadInto(v, raw.S), pythontest.ReadInto(v, string(data))
		switch {
		case equal(v, theirs):
			require.True(t, equal(v, ours), "%s: %s is written %s, and read %s", where, v, data, ours)
			kept++
		case equal(theirs, ours):
			lossy++
		default:
			different[v.Plain().Type+" from "+theirs.Type+" to "+ours.Type]++
		}
	})
	require.Equal(t, 791, kept)
	require.Equal(t, 255, lossy)
	require.Equal(t, map[string]int{
		"bool from str to bool": 4, "date from str to str": 4, "datetime from str to str": 21, "float from str to float": 16,
		"timedelta from str to str": 5,
	}, different)
}

// equal is Python's ==.
func equal(a, b pythontest.Value) bool { return a.String() == b.String() }
