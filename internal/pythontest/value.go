package pythontest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Value is one Python value.
type Value struct {
	Type  string // str, int, float, bool, none, bytes, datetime, list, dict, model, enum ...
	Class string // of a model, an enum, an exception
	Text  string // of a str: itself; of another value that is not a container: str(value)
	Bool  bool
	Str   bool    // whether the members of the enum are str or int
	Half  bool    // whether the str holds half of a surrogate pair
	Items []Value // of a list, a tuple, a set
	Pairs []Pair  // of a dict, in its order; of a model, sorted by field name
	Inner *Value  // of an enum, or of a model that holds one value
}

// Pair is an entry of a dict, or a field of a model.
type Pair struct{ Key, Value Value }

// UnmarshalJSON decodes a value of the samples.
func (v *Value) UnmarshalJSON(data []byte) error {
	var raw struct {
		T, Cls  string
		V, Root json.RawMessage
		Bases   []string
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*v = Value{Type: raw.T, Class: raw.Cls, Str: len(raw.Bases) > 0}
	switch v.Type {
	case "":
		return fmt.Errorf("a value without a type: %s", data)
	case "none", "bytes":
		return nil
	case "bool":
		return json.Unmarshal(raw.V, &v.Bool)
	case "list", "tuple", "set":
		return json.Unmarshal(raw.V, &v.Items)
	case "dict":
		return v.entries(raw.V)
	case "enum":
		return json.Unmarshal(raw.V, &v.Inner)
	case "model":
		if raw.Root != nil {
			return json.Unmarshal(raw.Root, &v.Inner)
		}
		return v.fields(raw.V)
	default:
		return v.text(raw.V)
	}
}

func (v *Value) entries(data []byte) error {
	var entries [][2]Value
	err := json.Unmarshal(data, &entries)
	for _, e := range entries {
		v.Pairs = append(v.Pairs, Pair{e[0], e[1]})
	}
	return err
}

func (v *Value) fields(data []byte) error {
	var fields map[string]Value
	err := json.Unmarshal(data, &fields)
	for name, field := range fields {
		v.Pairs = append(v.Pairs, Pair{str(name), field})
	}
	v.sort()
	return err
}

// sort sorts the fields of a model by name.
func (v *Value) sort() {
	slices.SortFunc(v.Pairs, func(a, b Pair) int { return strings.Compare(a.Key.Text, b.Key.Text) })
}

func (v *Value) text(data []byte) error {
	var t Text
	err := t.UnmarshalJSON(data)
	v.Text, v.Half = t.S, t.Missing != ""
	return err
}

// Plain returns the value inside its enums and models.
func (v Value) Plain() Value {
	for v.Inner != nil {
		v = *v.Inner
	}
	return v
}

// Field returns the value of a key or field. It reports false if there is none.
func (v Value) Field(name string) (Value, bool) {
	for _, p := range v.Pairs {
		if p.Key.Text == name {
			return p.Value, true
		}
	}
	return Value{}, false
}

func str(text string) Value { return Value{Type: "str", Text: text} }

// jsonKey returns a key of a dict as JSON has it.
func (v Value) jsonKey() string {
	switch v = v.Plain(); v.Type {
	case "bool":
		return strconv.FormatBool(v.Bool)
	case "none":
		return "null"
	default:
		return v.Text
	}
}

// String returns a text that is equal for two values if and only if they are
// equal in Python.
func (v Value) String() string {
	parts := make([]string, 0, len(v.Items)+len(v.Pairs))
	for _, item := range v.Items {
		parts = append(parts, item.String())
	}
	for _, p := range v.Pairs {
		parts = append(parts, p.Key.String()+": "+p.Value.String())
	}
	if len(v.Pairs) > 0 {
		slices.Sort(parts)
	}
	content := strings.Join(parts, ", ")
	switch {
	case v.Str:
		return v.Inner.String()
	case v.Inner != nil:
		return v.Class + "(" + v.Inner.String() + ")"
	case v.Type == "bool":
		return strconv.FormatBool(v.Bool)
	case v.Half:
		return "half a pair"
	case v.Type == "str":
		return fmt.Sprintf("%q", v.Text)
	case v.Type == "dict":
		return "{" + content + "}"
	case v.Type == "list":
		return "[" + content + "]"
	default:
		return v.Type + " " + v.Class + v.Text + "(" + content + ")"
	}
}
