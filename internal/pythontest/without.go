package pythontest

import (
	"slices"
	"strings"
)

// The reasons why a sample has no equivalent in Go.
const (
	Refused  = "Python raises an error and writes nothing"
	HalfPair = "half of a surrogate pair is no text, and Python cannot encode it"
	NoType   = "Go has no such type; Python writes its str"
	NoClock  = "Go has no time of day; Python writes its isoformat"
	OfEnum   = "Python writes the str of an enum's value, which is no JSON"
	Repr     = "a value that JSON does not have makes Python write the repr of all of it"
	Empty    = "an empty part of a key is ErrInvalidKey"
	NotParts = "the package looks for the prefix alone, where Parse answers for whole keys"
)

// Without returns why no Go value corresponds to this value as Python stores
// it. If one does, Without returns "".
func (v Value) Without() string {
	switch v.Type {
	case "bytes", "complex", "set":
		return NoType
	case "time":
		return NoClock
	case "str":
		if v.Half {
			return HalfPair
		}
	case "enum":
		switch v.Plain().Type {
		case "str", "int", "float", "bool":
		default:
			return OfEnum
		}
	case "list", "tuple", "dict":
		return v.withoutInside(Repr)
	case "model":
		return v.withoutInside(Refused)
	}
	return ""
}

// withoutInside is Without for the parts of a container. JSON has no dates, no
// plain enums, no models, and no keys that are tuples.
func (v Value) withoutInside(reason string) string {
	parts := append([]Value{}, v.Items...)
	for _, p := range v.Pairs {
		if p.Key.Type == "tuple" {
			return reason
		}
		parts = append(parts, p.Key, p.Value)
	}
	if v.Inner != nil {
		parts = append(parts, *v.Inner)
	}
	for _, part := range parts {
		switch part.Type {
		case "str":
			if part.Half {
				return HalfPair
			}
		case "none", "bool", "int", "float":
		case "list", "tuple", "dict":
			if reason := part.withoutInside(reason); reason != "" {
				return reason
			}
		case "enum":
			if !part.Str {
				return reason
			}
		case "model":
			if reason == Repr {
				return reason
			}
			if reason := part.withoutInside(reason); reason != "" {
				return reason
			}
		default:
			return reason
		}
	}
	return ""
}

// Without returns why the key patterns of Go have no equivalent for the result
// of the function. If they have one, Without returns "".
func (k Key) Without() string {
	parts, _ := k.Key.([]any)
	for _, part := range k.Parts {
		parts = append(parts, part)
	}
	switch {
	case k.Builder == "is_trigger_key":
		tenant, rest, _ := strings.Cut(k.Parts[0], ":EXPTRIGGER:")
		if k.Key == true && (tenant == "" || strings.Count(rest, ":") != 1) {
			return NotParts
		}
		return ""
	case k.Builder == "parse_trigger" && k.Key == nil:
		return ""
	case slices.Contains(parts, any("")):
		return Empty
	}
	return ""
}

// Without returns why Go has no equivalent for the key or for a value that the
// call wrote. If it has one, Without returns "".
func (r Record) Without() string {
	if strings.HasSuffix(r.Key(), ":") && !strings.HasSuffix(r.Ctor["user_id"].Text, ":") {
		return Empty
	}
	for _, e := range r.Written() {
		if reason := e.Value.Without(); reason != "" {
			return reason
		}
	}
	return ""
}
