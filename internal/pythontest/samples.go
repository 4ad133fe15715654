package pythontest

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

//go:embed testdata/python.json
var file []byte

// Samples holds everything that was recorded.
type Samples struct {
	Values  []Sample
	Keys    []Key
	Records []Record
}

// Sample is a value and its stored text.
type Sample struct {
	Name  string
	Value Value
	Raw   Text
}

// Key is the result of a function of the Python package that handles keys: a
// key, the parts of a key, or whether a key is that of a trigger.
type Key struct {
	Builder string
	Parts   []string
	Key     any // string, []any, bool or nil
}

// Record is a call, and the state of the server before and after it.
type Record struct {
	ID, Repo, Tenant, Method string
	Ctor, Args               map[string]Value
	Pre                      []Command
	Raw                      []State
	Result                   Value
	Reads                    Reads `json:"python_read"`
}

// Command is one command of a database.
type Command struct {
	DB   int
	Argv []Text
}

// State is one key of a database. The kind decides which value is set: Text for
// a string, Hash for a hash, Members for a list or a set. TTL is in seconds, or
// -1 if the key has no lifetime.
type State struct {
	DB      int
	Key     string
	Kind    string
	TTL     int64
	Text    Text
	Hash    map[string]Text
	Members []Text
}

// Reads holds the results of the reading methods of the Python package
// afterwards.
type Reads struct {
	Whole  map[string]Value // by method: get, get(models={f: Address}), get_chunk, get_ttl
	Fields map[string]Value // result of get_field, by field
}

var load = sync.OnceValues(func() (s Samples, err error) {
	err = json.Unmarshal(file, &s)
	return s, err
})

// Load returns the samples. All tests share them, so they must not be changed.
func Load(tb testing.TB) Samples {
	tb.Helper()
	s, err := load()
	if err != nil {
		tb.Fatalf("pythontest: %v", err)
	}
	return s
}

// UnmarshalJSON decodes a state by its kind.
func (s *State) UnmarshalJSON(data []byte) error {
	var raw struct {
		DB    int
		Key   string
		Type  string
		TTL   int64
		Value json.RawMessage
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*s = State{DB: raw.DB, Key: raw.Key, Kind: raw.Type, TTL: raw.TTL}
	switch s.Kind {
	case "string":
		return json.Unmarshal(raw.Value, &s.Text)
	case "hash":
		return json.Unmarshal(raw.Value, &s.Hash)
	case "list", "set":
		return json.Unmarshal(raw.Value, &s.Members)
	}
	return fmt.Errorf("%q is not a kind", s.Kind)
}

// UnmarshalJSON decodes the results by method, and those of get_field by field.
func (r *Reads) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	r.Whole = map[string]Value{}
	for method, text := range raw {
		if method == "get_field" {
			if err := json.Unmarshal(text, &r.Fields); err != nil {
				return err
			}
			continue
		}
		var v Value
		if err := json.Unmarshal(text, &v); err != nil {
			return err
		}
		r.Whole[method] = v
	}
	return nil
}

// Text is a stored text. If nothing was stored, Missing holds the reason.
type Text struct {
	S       string
	Missing string
}

// UnmarshalJSON decodes a text, a shortened text, or the reason why there is
// none.
func (t *Text) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &t.S)
	}
	var raw struct {
		SHA256, Head, Surrogates, T string
		Len                         int
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	switch {
	case raw.SHA256 != "":
		return t.restore(raw.SHA256, raw.Head, raw.Len)
	case raw.Surrogates != "":
		t.Missing = "Python cannot encode half of a surrogate pair"
		return nil
	}
	var v Value
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch v.Type {
	case "enum": // a member that is a str is stored as this str
		t.S = v.Inner.Text
	case "exception":
		t.Missing = "Python raises " + v.Class
	default:
		return fmt.Errorf("%s is not a text", data)
	}
	return nil
}

// restore rebuilds a text that repeats one character. The samples hold its
// beginning, its length and its checksum.
func (t *Text) restore(sum, head string, n int) error {
	for _, tail := range []string{"", `"]`, `", "second"]`} {
		t.S = head + strings.Repeat(head[len(head)-1:], n-len(head)-len(tail)) + tail
		if got := sha256.Sum256([]byte(t.S)); hex.EncodeToString(got[:]) == sum {
			return nil
		}
	}
	return fmt.Errorf("no text of %d characters begins with %q and has the sum %s", n, head, sum)
}
