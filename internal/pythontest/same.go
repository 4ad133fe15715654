package pythontest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Same reports whether a Go value that was read from stored data is this value.
func (v Value) Same(got any) bool { return v.same(reflect.ValueOf(got), false) }

// same is Same for a value inside another one. If inModel is true, a model
// encloses the value, and a bool that is read into an interface is a string.
func (v Value) same(got reflect.Value, inModel bool) bool {
	v = v.unwrapped(&inModel)
	if !got.IsValid() {
		return v.Type == "none"
	}
	switch x := got.Interface().(type) {
	case *big.Int:
		return x == nil && v.Type == "none" || x != nil && v.Type == "int" && x.String() == v.Text
	case time.Time:
		at, err := parseISO(v.Text)
		return err == nil && x.Equal(at)
	case time.Duration:
		return v.Type == "timedelta" && x == parseTimedelta(v.Text)
	case json.Number:
		return (v.Type == "Decimal" || v.Type == "int") && string(x) == v.Text
	case UUID:
		text, err := x.MarshalText()
		return err == nil && string(text) == v.Text
	}
	switch got.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		if got.IsNil() {
			return v.Type == "none"
		}
	}
	switch got.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.same(got.Elem(), inModel)
	case reflect.Slice, reflect.Array:
		return v.sameItems(got, inModel)
	case reflect.Map:
		return v.sameEntries(got, inModel)
	case reflect.Struct:
		return v.sameFields(got)
	default:
		return v.sameScalar(got, inModel)
	}
}

// unwrapped returns the value without its class, and sets inModel if the class
// is a model.
func (v Value) unwrapped(inModel *bool) Value {
	for v.Inner != nil {
		*inModel = *inModel || v.Type == "model"
		v = *v.Inner
	}
	*inModel = *inModel || v.Type == "model"
	return v
}

func (v Value) sameScalar(got reflect.Value, inModel bool) bool {
	switch {
	case got.Kind() == reflect.Bool:
		return v.Type == "bool" && got.Bool() == v.Bool
	case got.CanInt():
		return v.Type == "int" && strconv.FormatInt(got.Int(), 10) == v.Text
	case got.CanUint():
		return v.Type == "int" && strconv.FormatUint(got.Uint(), 10) == v.Text
	case got.CanFloat():
		want, err := strconv.ParseFloat(v.Text, 64)
		return v.Type == "float" && err == nil &&
			(math.Float64bits(want) == math.Float64bits(got.Float()) || want != want && got.Float() != got.Float())
	case got.Kind() == reflect.String && v.Type == "bool" && inModel:
		return got.String() == strconv.Itoa(map[bool]int{true: 1}[v.Bool])
	case got.Kind() == reflect.String:
		return v.Type == "str" && got.String() == v.Text
	}
	return false
}

func (v Value) sameItems(got reflect.Value, inModel bool) bool {
	if v.Type != "list" && v.Type != "tuple" || got.Len() != len(v.Items) {
		return false
	}
	for i, item := range v.Items {
		if !item.same(got.Index(i), inModel && v.Type != "tuple") {
			return false
		}
	}
	return true
}

func (v Value) sameEntries(got reflect.Value, inModel bool) bool {
	if v.Type != "dict" && v.Type != "model" || got.Len() != len(v.Pairs) {
		return false
	}
	for _, p := range v.Pairs {
		key := reflect.New(got.Type().Key()).Elem()
		switch key.Kind() {
		case reflect.String:
			key.SetString(p.Key.jsonKey())
		case reflect.Bool:
			key.SetBool(p.Key.Bool)
		default:
			n, err := strconv.ParseInt(p.Key.Text, 10, 64)
			if err != nil {
				return false
			}
			key.SetInt(n)
		}
		item := got.MapIndex(key)
		if !item.IsValid() || !p.Value.same(item, inModel) {
			return false
		}
	}
	return true
}

func (v Value) sameFields(got reflect.Value) bool {
	if v.Type != "model" || got.NumField() != len(v.Pairs) {
		return false
	}
	for i := range got.NumField() {
		want, ok := v.Field(got.Type().Field(i).Tag.Get("redis"))
		if !ok || !want.same(got.Field(i), true) {
			return false
		}
	}
	return true
}

var offset = regexp.MustCompile(`([+-])(\d\d):(\d\d)(?::(\d\d(?:\.\d{6})?))?$`)

// parseISO parses an isoformat. A time without an offset is in UTC.
func parseISO(text string) (time.Time, error) {
	east := time.Duration(0)
	if m := offset.FindStringSubmatch(text); m != nil && len(text) > len(time.DateOnly) {
		text = strings.TrimSuffix(text, m[0])
		var err error
		if east, err = time.ParseDuration(m[1] + m[2] + "h" + m[3] + "m" + "0" + m[4] + "s"); err != nil {
			return time.Time{}, err
		}
	}
	if len(text) == len(time.DateOnly) {
		return time.Parse(time.DateOnly, text)
	}
	local, err := time.Parse("2006-01-02T15:04:05.999999999", text)
	return local.Add(-east), err
}

var timedelta = regexp.MustCompile(`^(?:(-?\d+) days?, )?(\d+:\d\d:\d\d(?:\.\d{6})?)$`)

// parseTimedelta parses the str of a timedelta.
func parseTimedelta(text string) time.Duration {
	m := timedelta.FindStringSubmatch(text)
	days, err := strconv.Atoi("0" + m[1])
	if strings.HasPrefix(m[1], "-") {
		days, err = strconv.Atoi(m[1])
	}
	var hours, minutes int
	var seconds float64
	if _, scan := fmt.Sscanf(m[2], "%d:%d:%f", &hours, &minutes, &seconds); err != nil || scan != nil {
		return -1
	}
	return time.Duration(days*24+hours)*time.Hour + time.Duration(minutes)*time.Minute +
		time.Duration(math.Round(seconds*1e6))*time.Microsecond
}
