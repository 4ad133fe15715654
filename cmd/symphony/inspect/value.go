package inspect

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/symphony-go/symphony/codec"
)

// View is how values are shown.
type View struct {
	Codec  codec.Codec // nil: codec.Compact
	Redact bool        // only the lengths of values are shown

	fieldLifetimes bool // whether the server has lifetimes of fields
}

// show returns a stored value as JSON. If it does not decode, the JSON is the
// text of its bytes.
func (v View) show(stored []byte) json.RawMessage {
	if v.Redact {
		return fmt.Appendf(nil, `"(%d bytes)"`, len(stored))
	}
	value, err := codec.NewValue(v.Codec, stored).MarshalJSON()
	if err == nil && json.Valid(value) {
		return value
	}
	text := string(stored)
	if !utf8.Valid(stored) {
		text = fmt.Sprintf("%q", stored)
	}
	value, _ = json.Marshal(text) // a string has JSON
	return value
}
