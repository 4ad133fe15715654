package pythontest_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pythontest"
)

// The model reads every state as the Python package read it, with and without
// classes.
func TestReadsAsPythonDoes(t *testing.T) {
	s := pythontest.Load(t)
	require.Len(t, s.Values, 84)
	require.Len(t, s.Keys, 41)
	require.Len(t, s.Records, 1289)
	reads := 0
	for _, r := range s.Records {
		state, _ := r.State()
		for field, want := range r.Reads.Fields {
			got := read(state.Hash, field)
			if text, ok := state.Hash[field]; ok && r.Repo == "RedisStateHandler" {
				got = pythontest.Value{Type: "str", Text: text.S} // its get_field returns the text
			}
			require.Equal(t, want.String(), got.String(), "%s: %s", r.ID, field)
			reads++
		}
		for method, want := range r.Reads.Whole {
			if requireReads(t, r, state, method, want) {
				reads++
			}
		}
	}
	require.Equal(t, 2108, reads)
}

var getWithModel = regexp.MustCompile(`^get\(models?=\{?(?:(\w+): )?(\w+)\}?\)$`)

func requireReads(t *testing.T, r pythontest.Record, state pythontest.State, method string, want pythontest.Value) bool {
	t.Helper()
	field, class := "", ""
	if m := getWithModel.FindStringSubmatch(method); m != nil {
		field, class = m[1], m[2]
	}
	switch {
	case method == "get" && state.Kind == "hash", field != "":
		requireHash(t, r.ID+": "+method, want, state.Hash, field, class)
	case class != "":
		got, err := pythontest.ReadModel(class, state.Text.S)
		requireRead(t, r.ID+": "+method, want, got, err)
	case method == "get" && state.Kind == "string":
		requireRead(t, r.ID, want, pythontest.Read(state.Text.S), nil)
	case method == "get":
		require.Equal(t, "none", want.Type, r.ID)
	case method == "get_chunk":
		require.Len(t, state.Members, len(want.Items), r.ID)
		for i, item := range want.Items {
			requireRead(t, r.ID, item, pythontest.Read(state.Members[i].S), nil)
		}
	default:
		return false
	}
	return true
}

func requireHash(t *testing.T, where string, want pythontest.Value, hash map[string]pythontest.Text, field, class string) {
	t.Helper()
	if want.Type == "exception" {
		_, err := pythontest.ReadModel(class, hash[field].S)
		require.Error(t, err, where)
		return
	}
	require.Len(t, want.Pairs, len(hash), where)
	for _, p := range want.Pairs {
		if class != "" && p.Key.Text == field {
			got, err := pythontest.ReadModel(class, hash[field].S)
			requireRead(t, where, p.Value, got, err)
			continue
		}
		requireRead(t, where+": "+p.Key.Text, p.Value, read(hash, p.Key.Text), nil)
	}
}

func requireRead(t *testing.T, where string, want, got pythontest.Value, err error) {
	t.Helper()
	if want.Type == "exception" {
		require.Error(t, err, where)
		return
	}
	require.NoError(t, err, where)
	require.Equal(t, want.String(), got.String(), where)
}

func read(hash map[string]pythontest.Text, field string) pythontest.Value {
	text, ok := hash[field]
	if !ok {
		return pythontest.Value{Type: "none"}
	}
	return pythontest.Read(text.S)
}
