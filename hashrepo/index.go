package hashrepo

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/symphony-go/symphony/internal/sorttext"
)

// index is an index of a record type over one of its fields.
type index struct {
	name    string // in the names of keys: the kind of the sort texts and the field
	field   *field
	fields  string // the name and the old names of the field, as the scripts take them
	unique  bool
	encoder *sorttext.Encoder
}

// newIndex returns the index over a field.
func newIndex(f *field) (*index, error) {
	encoder, err := sorttext.For(f.Field.Type)
	if err != nil {
		return nil, fmt.Errorf("the field cannot have an index: %w; remove the option from the tag", err)
	}
	return &index{
		name:    string(encoder.Kind()) + "-" + escapeIndexName(f.Name),
		field:   f,
		fields:  namesWithLength(f),
		unique:  f.Unique,
		encoder: encoder,
	}, nil
}

// namesWithLength returns the name and the old names of a field, each with its
// length, as the scripts take them.
func namesWithLength(f *field) string {
	var names strings.Builder
	for _, name := range f.appendNames(nil) {
		names.WriteString(withLength(name))
	}
	return names.String()
}

// escapeIndexName returns the name of a field with only the characters that may
// be in the kind of a key.
func escapeIndexName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// Bodies of items, as index_write.lua takes them, beside those that index.body
// returns.
const (
	bodyAbsent    = ""  // there is no item
	bodyUnchanged = "-" // the write does not change the field
	bodyOfNumber  = "+" // the script makes the body of the number that it stores
)

// body returns the body of the item for a value that is stored as text. If
// nothing is in the index for the value, it returns bodyAbsent.
func (x *index) body(text string, v reflect.Value) (string, error) {
	sorts, err := x.encoder.Append(nil, v)
	if err != nil {
		return "", &fieldError{x.field.Name, err}
	}
	if len(sorts) == 0 {
		return bodyAbsent, nil
	}
	if len(sorts) == 1 && sorts[0] == text {
		return "=" + withLength(text), nil
	}
	var body strings.Builder
	body.WriteString(withLength(text))
	for _, sort := range sorts {
		body.WriteString(withLength(sort))
	}
	return body.String(), nil
}

// bodyOfText returns the body of the item for a stored text.
func (x *index) bodyOfText(text string) (string, error) {
	v := reflect.New(x.field.Field.Type).Elem()
	if err := x.field.Decode(text, v); err != nil {
		return "", &fieldError{x.field.Name, err}
	}
	return x.body(text, v)
}

// withLength returns a text after its length, as the scripts take it.
func withLength(text string) string { return strconv.Itoa(len(text)) + ":" + text }

// cutWithLength returns the text that begins with its length, and what follows
// it. It reports false if there is none.
func cutWithLength(s string) (text, rest string, ok bool) {
	length, rest, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > len(rest) {
		return "", "", false
	}
	return rest[:n], rest[n:], true
}

// indexOf returns the index over the field with a stored name, or nil.
func (p *plan) indexOf(name string) *index {
	for _, x := range p.indexes {
		if x.field.Name == name {
			return x
		}
	}
	return nil
}

// bodiesAfter returns the bodies after an update, one for each index.
func (c *core) bodiesAfter(operations []operation) ([]string, error) {
	if len(c.plan.indexes) == 0 {
		return nil, nil
	}
	bodies := make([]string, len(c.plan.indexes))
	for i, x := range c.plan.indexes {
		var err error
		if bodies[i], err = x.bodyAfter(operations); err != nil {
			return nil, err
		}
	}
	return bodies, nil
}

// bodyAfter returns the body after an update.
func (x *index) bodyAfter(operations []operation) (string, error) {
	for _, op := range slices.Backward(operations) {
		if op.field != x.field.Name {
			continue
		}
		switch op.kind {
		case opClear:
			return bodyAbsent, nil
		case opSet, opReplace:
			return x.bodyOfText(op.text)
		case opAddInteger, opAddFloat, opAddFloatWithin:
			return bodyOfNumber, nil
		}
	}
	return x.bodyOfRequired(operations)
}

// bodyOfRequired returns the body after an update that does not change the
// field. A field that the update requires to have a text, under its name or an
// old one, has that text afterwards.
func (x *index) bodyOfRequired(operations []operation) (string, error) {
	body := bodyUnchanged
	for _, name := range x.field.appendNames(nil) {
		for i := range operations {
			switch op := &operations[i]; {
			case op.kind != opRequireField || op.field != name:
			case op.exists:
				return x.bodyOfText(op.text)
			default:
				body = bodyAbsent
			}
		}
	}
	return body, nil
}

// bodiesWithout returns the bodies after fields were removed, one for each
// index.
func (c *core) bodiesWithout(names []string) []string {
	bodies := make([]string, len(c.plan.indexes))
	for i, x := range c.plan.indexes {
		if bodies[i] = bodyUnchanged; slices.Contains(names, x.field.Name) {
			bodies[i] = bodyAbsent
		}
	}
	return bodies
}

// recordBodies appends the bodies for a record, one for each index. pairs are
// the names and texts of its present fields.
func (p *plan) recordBodies(bodies []string, record reflect.Value, pairs []string) ([]string, error) {
	for _, x := range p.indexes {
		body := bodyAbsent
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] != x.field.Name {
				continue
			}
			v, _ := x.field.Value(record)
			var err error
			if body, err = x.body(pairs[i+1], v); err != nil {
				return nil, err
			}
			break
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}
