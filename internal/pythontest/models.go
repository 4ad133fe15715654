package pythontest

import (
	"fmt"
	"strconv"
	"strings"
)

// models holds the annotations of the classes in the samples, as far as reading
// needs them: [x] is a list, {k:v} a dict, (x) a tuple, and x? may be None.
var models = map[string]map[string]string{
	"Address":     {"street": "str", "primary": "bool", "zip": "str?"},
	"AnyVal":      {"v": "any"},
	"BoolKeyDict": {"m": "{bool:str}"},
	"BoolOnly":    {"b": "bool"},
	"Empty":       {},
	"ExtraAllow":  {"a": "int", "*": "any"},
	"FloatOnly":   {"x": "float"},
	"IntKeyDict":  {"m": "{int:bool}"},
	"IntList":     {"xs": "[int]"},
	"IntOnly":     {"n": "int"},
	"OptBool":     {"b": "bool?"},
	"OptDatetime": {"at": "datetime?"},
	"OptStr":      {"name": "str?"},
	"Profile": {"name": "str", "active": "bool", "score": "int", "ratio": "float", "tags": "[str]", "features": "[bool]",
		"address": "Address", "extra": "{str:any}", "nick": "str?"},
	"RootBool":   {"": "bool"},
	"RootInts":   {"": "[int]"},
	"StrDict":    {"m": "{str:str}"},
	"StrList":    {"xs": "[str]"},
	"StrOnly":    {"name": "str"},
	"StrOrBool":  {"v": "any"},
	"Team":       {"members": "[Address]", "by_id": "{str:Address}", "matrix": "[[bool]]"},
	"TupleBools": {"t": "(bool)"},
	"WithAlias":  {"userName": "str"},
	"WithColor":  {"color": "Color"},
	"WithLevel":  {"level": "Level"},
}

// enums holds the values of the enums in the samples.
var enums = map[string][]Value{
	"Color": {str("red"), str("1")},
	"Level": {{Type: "int", Text: "1"}, {Type: "int", Text: "7"}},
}

// ReadModel returns the model that the Python package reads from a stored text.
// It turns every "1" and "0" inside the JSON into a bool and validates the
// result. An error stands for a ValidationError.
func ReadModel(class, text string) (Value, error) {
	v, err := loads(text)
	if err != nil {
		return v, err
	}
	return validate(class, toBools(v))
}

// ReadInto reads a text into the class of a value. If the value has no class,
// or if the text does not fit it, ReadInto is [Read].
func ReadInto(v Value, text string) Value {
	if v.Type == "model" {
		if got, err := ReadModel(v.Class, text); err == nil {
			return got
		}
	}
	return Read(text)
}

// toBools replaces the strings "1" and "0" in a value with bools.
func toBools(v Value) Value {
	switch {
	case v.Type == "str" && (v.Text == "1" || v.Text == "0"):
		return Value{Type: "bool", Bool: v.Text == "1"}
	case v.Type == "list":
		for i := range v.Items {
			v.Items[i] = toBools(v.Items[i])
		}
	case v.Type == "dict":
		for i := range v.Pairs {
			v.Pairs[i].Value = toBools(v.Pairs[i].Value)
		}
	}
	return v
}

// validate follows the lax mode of pydantic, as far as the samples need it.
func validate(want string, v Value) (Value, error) {
	mismatch := fmt.Errorf("a %s for a %s", v.Type, want)
	if inner, ok := strings.CutSuffix(want, "?"); ok {
		if v.Type == "none" {
			return v, nil
		}
		return validate(inner, v)
	}
	switch want[0] {
	case '[', '(':
		return validateItems(want, v)
	case '{':
		return validateEntries(want, v)
	}
	switch want {
	case "any":
		return v, nil
	case "str", "datetime":
		if v.Type == "str" {
			return v, nil
		}
	case "bool":
		switch {
		case v.Type == "bool":
			return v, nil
		case v.Text == "1", v.Text == "true":
			return Value{Type: "bool", Bool: true}, nil
		case v.Text == "0", v.Text == "false":
			return Value{Type: "bool"}, nil
		}
	case "int", "float":
		return validateNumber(want, v)
	}
	if members, ok := enums[want]; ok {
		return validateEnum(want, members, v)
	}
	if fields, ok := models[want]; ok {
		return validateModel(want, fields, v)
	}
	return v, mismatch
}

func validateNumber(want string, v Value) (Value, error) {
	text := v.Text
	if v.Type == "bool" {
		text = strconv.Itoa(map[bool]int{true: 1}[v.Bool])
	}
	if want == "int" {
		if n, err := loads(text); err == nil && n.Type == "int" {
			return n, nil
		}
		return v, fmt.Errorf("a %s for an int", v.Type)
	}
	f, err := strconv.ParseFloat(text, 64)
	return pyFloat(f), err
}

func validateItems(want string, v Value) (Value, error) {
	if v.Type != "list" {
		return v, fmt.Errorf("a %s for a list", v.Type)
	}
	if want[0] == '(' {
		v.Type = "tuple"
	}
	for i, item := range v.Items {
		var err error
		if v.Items[i], err = validate(want[1:len(want)-1], item); err != nil {
			return v, err
		}
	}
	return v, nil
}

func validateEntries(want string, v Value) (Value, error) {
	if v.Type != "dict" {
		return v, fmt.Errorf("a %s for a dict", v.Type)
	}
	key, elem, _ := strings.Cut(want[1:len(want)-1], ":")
	for i, p := range v.Pairs {
		var err error
		if v.Pairs[i].Key, err = validate(key, p.Key); err != nil {
			return v, err
		}
		if v.Pairs[i].Value, err = validate(elem, p.Value); err != nil {
			return v, err
		}
	}
	return v, nil
}

func validateEnum(class string, members []Value, v Value) (Value, error) {
	for _, m := range members {
		if v.Type == m.Type && v.Text == m.Text {
			return Value{Type: "enum", Class: class, Str: true, Inner: &m}, nil
		}
	}
	return v, fmt.Errorf("not a %s", class)
}

func validateModel(class string, fields map[string]string, v Value) (Value, error) {
	out := Value{Type: "model", Class: class}
	if root, ok := fields[""]; ok {
		inner, err := validate(root, v)
		out.Inner = &inner
		return out, err
	}
	if v.Type != "dict" {
		return v, fmt.Errorf("a %s for a %s", v.Type, class)
	}
	for name, want := range fields {
		given, ok := v.Field(name)
		if !ok && name != "*" {
			return v, fmt.Errorf("%s without %s", class, name)
		}
		if ok {
			field, err := validate(want, given)
			if err != nil {
				return v, err
			}
			out.Pairs = append(out.Pairs, Pair{str(name), field})
		}
	}
	for _, p := range v.Pairs {
		if _, known := fields[p.Key.Text]; !known && fields["*"] != "" {
			out.Pairs = append(out.Pairs, p)
		}
	}
	out.sort()
	return out, nil
}
