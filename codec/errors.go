package codec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// DecodeError reports that a stored value does not fit the Go type that it is
// decoded into. If a codec of your own returned the error, the text does not
// contain that error, but [errors.Is] and [errors.As] find it.
//
// With [Compact] and [JSON] the text contains the first 32 characters of the
// stored value, if the Go type shows that it is no secret: bool, a number type
// that Go declares, [time.Time], [time.Duration] or [json.Number]. The text
// never contains a value of another type, such as a string, a struct or a type
// of your own. To hide the values of a field, declare a type for it, such as
// type PIN int. The text never contains the value of a [Value] either.
//
//	var bad *codec.DecodeError
//	if errors.As(err, &bad) {
//		log.Printf("field %s does not fit %s", bad.Field, bad.Type)
//	}
type DecodeError struct {
	// Field is the stored name of the field, followed by the path inside its
	// value: "address.zip", "tags[3]", or "labels.*" for a value of a map. The
	// middle of a long path is replaced by "...". Field is empty for a whole
	// value.
	Field string
	// Type is the Go type that the stored value does not fit.
	Type reflect.Type
	// Err is the reason.
	Err error
}

// Error returns the field, the type and the reason.
func (e *DecodeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("cannot decode stored value into %s: %v", e.Type, e.Err)
	}
	return fmt.Sprintf("field %q: cannot decode stored value into %s: %v", e.Field, e.Type, e.Err)
}

// Unwrap returns e.Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// In returns a copy of e whose Field begins with the given field name or path.
// Callers that decode a part of a value use it to complete the path.
func (e *DecodeError) In(field string) *DecodeError {
	return &DecodeError{Field: joinPath(field, e.Field), Type: e.Type, Err: e.Err}
}

// ErrUnstorable is wrapped by every error about a type that cannot be stored.
var ErrUnstorable = errors.New("cannot be stored")

// SchemaError reports the part of a type that cannot be stored. It wraps
// [ErrUnstorable].
type SchemaError struct {
	// Root is the type that was compiled.
	Root reflect.Type
	// Path leads from Root to the part that cannot be stored, such as
	// "Address.Done". It is empty for Root itself.
	Path string
	// Reason is why the part cannot be stored, and how to change that.
	Reason string
}

// Error returns the type, the path and the reason. If the path is empty, Error
// returns only the reason, which names the type.
func (e *SchemaError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	name := e.Root.String()
	if e.Root.Name() != "" && !strings.Contains(e.Root.Name(), "[") {
		name = e.Root.Name()
	}
	return joinPath(name, e.Path) + ": " + e.Reason
}

// Unwrap returns [ErrUnstorable].
func (e *SchemaError) Unwrap() error { return ErrUnstorable }

// In returns a copy of e that is relative to the struct type root. The field is
// the Go name of the field of root in which e occurred.
func (e *SchemaError) In(root reflect.Type, field string) *SchemaError {
	return &SchemaError{Root: root, Path: joinPath(field, e.Path), Reason: e.Reason}
}

// EncodeError reports a value that cannot be encoded although its type can be
// stored. Examples are a string inside JSON that is not valid UTF-8, a time
// after the year 9999, and a value that contains itself. If an any holds a
// value of a type that cannot be stored, the EncodeError wraps the
// [*SchemaError].
type EncodeError struct {
	// Field is the path to the value, as in [DecodeError].
	Field string
	// Type is the type of the value.
	Type reflect.Type
	// Err is the reason.
	Err error
}

// Error returns the path, the type and the reason.
func (e *EncodeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("cannot encode %s: %v", e.Type, e.Err)
	}
	return fmt.Sprintf("field %q: cannot encode %s: %v", e.Field, e.Type, e.Err)
}

// Unwrap returns e.Err.
func (e *EncodeError) Unwrap() error { return e.Err }

// In returns a copy of e whose Field begins with the given field name or path.
// See [DecodeError.In].
func (e *EncodeError) In(field string) *EncodeError {
	return &EncodeError{Field: joinPath(field, e.Field), Type: e.Type, Err: e.Err}
}

// The reasons in a DecodeError.
var (
	errNull      = errors.New("the value is null")
	errEmpty     = errors.New("the value is empty")
	errSyntax    = errors.New("invalid JSON")
	errTrailing  = errors.New("data after the end of the value")
	errUTF8      = errors.New("invalid UTF-8")
	errSurrogate = errors.New("unpaired surrogate in a JSON string")
	errDepth     = fmt.Errorf("nested more than %d levels deep; store the inner values apart", maxDepth)
	errArray     = errors.New("it is a JSON array")
	errObject    = errors.New("it is a JSON object")
	errString    = errors.New("it is a JSON string")
	errNumber    = errors.New("it is a JSON number")
	errTrueFalse = errors.New("it is a JSON bool")
	errWire      = errors.New("it has another MessagePack type")
	errRange     = errors.New("out of range")
	errInteger   = errors.New("not an integer")
	errFloat     = errors.New("not a number")
	errBool      = errors.New("not a bool")
	errTime      = errors.New("not a time of the form 2006-01-02T15:04:05.999999999Z07:00")
	errDuration  = errors.New("not a duration of the form 1h30m0s")
	errLength    = errors.New("the array has another length; use a slice for lists of different lengths")
	errBase64    = errors.New("invalid base64")
	errInexact   = errors.New("the number would be rounded")
	errExtension = errors.New("unknown MessagePack extension")
	errMsgPack   = errors.New("invalid MessagePack")
)

// The reasons in an EncodeError. An errYear is the reason in a DecodeError too.
var (
	errYear      = errors.New("the year is not between 0 and 9999")
	errCycle     = fmt.Errorf("nested more than %d levels deep, or contains itself; store the inner values apart", maxDepth)
	errNonFinite = errors.New("JSON has no NaN or infinity; use codec.Compact or codec.MsgPack")
	errNotJSON   = errors.New("it contains NaN or an infinity, which JSON does not have; decode it with Decode")
	errKeys      = errors.New("two keys of the map have the same text; make MarshalText return different ones")
	errNullJSON  = errors.New("its JSON is null, which is read back as nil; store nil instead")
	errNested    = errors.New("a codec.Value cannot be a part of another value; use json.RawMessage")
)

// valueError is a reason with the start of the stored value, quoted.
type valueError struct {
	reason error
	start  string
}

func (e *valueError) Error() string { return e.reason.Error() + ": " + e.start }
func (e *valueError) Unwrap() error { return e.reason }

// shownReasons are the reasons to which withValue adds a value.
var shownReasons = []error{errRange, errInteger, errFloat, errBool, errTime, errDuration, errYear, errString, errNumber, errTrueFalse}

// withValue adds the start of the stored value to a reason, if a value of type
// t is no secret.
func withValue(t reflect.Type, reason error, value string) error {
	if !slices.Contains(shownReasons, reason) {
		return reason
	}
	if !isShown(t) {
		return reason
	}
	start := fmt.Sprintf("%.32q", value)
	if utf8.RuneCountInString(value) > 32 {
		start += "..."
	}
	return &valueError{reason, start}
}

// isShown reports whether a value of type t is no secret.
func isShown(t reflect.Type) bool {
	switch t {
	case timeType, durationType, numberType:
		return true
	}
	return t.PkgPath() == "" && reflect.Bool <= t.Kind() && t.Kind() <= reflect.Float64
}

// withoutValue removes the start of the stored value from a DecodeError.
func withoutValue(err error) error {
	var bad *DecodeError
	var shown *valueError
	if errors.As(err, &bad) && errors.As(bad.Err, &shown) {
		bad.Err = shown.reason
	}
	return err
}

// decodeError returns reason as a DecodeError for type t. If reason is already
// a DecodeError, it is returned unchanged.
func decodeError(t reflect.Type, reason error) error {
	if _, ok := reason.(*DecodeError); ok {
		return reason
	}
	return &DecodeError{Type: t, Err: reason}
}

// encodeError returns reason as an EncodeError for type t.
func encodeError(t reflect.Type, reason error) error {
	return &EncodeError{Type: t, Err: reason}
}

// within prepends a step to the path of err and returns err.
func within(err error, step string) error {
	switch e := err.(type) {
	case *DecodeError:
		e.Field = joinPath(step, e.Field)
	case *EncodeError:
		e.Field = joinPath(step, e.Field)
	case *SchemaError:
		e.Path = joinPath(step, e.Path)
	}
	return err
}

// joinPath joins two parts of a path.
func joinPath(step, path string) string {
	path = shortenPath(path)
	if step == "" || path == "" || path[0] == '[' || strings.HasPrefix(path, elision) {
		return step + path
	}
	return step + "." + path
}

const (
	elision    = "..."
	maxPathLen = 250
)

// shortenPath cuts the beginning off a path that is too long to read. JSON may
// be nested ten thousand levels deep.
func shortenPath(path string) string {
	if len(path) <= maxPathLen {
		return path
	}
	end := path[len(path)-maxPathLen/2:]
	if i := strings.IndexAny(end, ".["); i >= 0 {
		end = strings.TrimLeft(end[i:], ".")
	}
	return elision + strings.ToValidUTF8(end, "")
}

// redactedError wraps an error whose text may quote the stored value.
// [errors.Is] and [errors.As] find the error; its text is not shown.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// schemaError returns a SchemaError without a root.
func schemaError(format string, args ...any) error {
	return &SchemaError{Reason: fmt.Errorf(format, args...).Error()}
}

// withRoot sets the root of a SchemaError.
func withRoot(err error, root reflect.Type) error {
	var schema *SchemaError
	if errors.As(err, &schema) {
		schema.Root = root
	}
	return err
}
