package codec

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// DecodeError says that what is stored does not fit the Go type that reads it. It never carries the stored value.
//
//	var bad *codec.DecodeError
//	if errors.As(err, &bad) {
//		log.Printf("field %s is no %s", bad.Field, bad.Type)
//	}
type DecodeError struct {
	// Field is the stored name of the field, followed by the path inside its value: "address.zip", "tags[3]",
	// "labels.*" for a value of a map. Of a long path the middle is left out: "...". It is empty for a value that
	// stands alone.
	Field string
	// Type is the Go type that the stored value does not fit.
	Type reflect.Type
	// Err is the reason.
	Err error
}

// Error names the field, the type and the reason.
func (e *DecodeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("codec: the stored value does not fit %s: %v", e.Type, e.Err)
	}
	return fmt.Sprintf("codec: field %q: the stored value does not fit %s: %v", e.Field, e.Type, e.Err)
}

// Unwrap returns the reason.
func (e *DecodeError) Unwrap() error { return e.Err }

// In returns the error as seen from outside: field is the name of the field, or the path, in which e happened.
func (e *DecodeError) In(field string) *DecodeError {
	return &DecodeError{Field: joinPath(field, e.Field), Type: e.Type, Err: e.Err}
}

// ErrUnstorable is wrapped by every error about a type that no codec can store.
var ErrUnstorable = errors.New("cannot be stored")

// SchemaError says which part of a type cannot be stored. errors.Is finds ErrUnstorable in it.
type SchemaError struct {
	// Root is the type that was compiled, Path leads from it to the part in question, such as "Address.Done".
	Root reflect.Type
	Path string
	// Reason says why, and what to do about it.
	Reason string
}

// Error names the type, the path and the reason.
func (e *SchemaError) Error() string {
	if e.Path == "" {
		return "codec: " + e.Reason
	}
	name := e.Root.String()
	if e.Root.Name() != "" && !strings.Contains(e.Root.Name(), "[") {
		name = e.Root.Name()
	}
	return "codec: " + joinPath(name, e.Path) + ": " + e.Reason
}

// Unwrap returns ErrUnstorable.
func (e *SchemaError) Unwrap() error { return ErrUnstorable }

// In returns the error as seen from struct type root, in whose Go field of that name e happened.
func (e *SchemaError) In(root reflect.Type, field string) *SchemaError {
	return &SchemaError{Root: root, Path: joinPath(field, e.Path), Reason: e.Reason}
}

// EncodeError says that a value cannot be written, though its type can: a string that is no UTF-8 inside JSON, a year
// past 9999, a value that holds itself.
type EncodeError struct {
	// Field is the path to the value, as in DecodeError.
	Field string
	// Type is the type of the value.
	Type reflect.Type
	// Err is the reason.
	Err error
}

// Error names the path, the type and the reason.
func (e *EncodeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("codec: this %s cannot be written: %v", e.Type, e.Err)
	}
	return fmt.Sprintf("codec: field %q: this %s cannot be written: %v", e.Field, e.Type, e.Err)
}

// Unwrap returns the reason.
func (e *EncodeError) Unwrap() error { return e.Err }

// In returns the error as seen from outside, as DecodeError.In does.
func (e *EncodeError) In(field string) *EncodeError {
	return &EncodeError{Field: joinPath(field, e.Field), Type: e.Type, Err: e.Err}
}

var (
	errNull      = errors.New("it is null")
	errEmpty     = errors.New("it is empty")
	errSyntax    = errors.New("it is no JSON")
	errTrailing  = errors.New("something follows the value")
	errUTF8      = errors.New("it is no valid UTF-8")
	errSurrogate = errors.New("it holds half of a surrogate pair")
	errDepth     = errors.New("it is nested too deep")
	errKind      = errors.New("it is of another kind")
	errRange     = errors.New("it is out of range")
	errInteger   = errors.New("it is no integer")
	errFloat     = errors.New("it is no number")
	errBool      = errors.New("it is no bool")
	errTime      = errors.New("it is no time of the form 2006-01-02T15:04:05.999999999Z07:00")
	errDuration  = errors.New("it is no duration")
	errLength    = errors.New("the number of elements differs")
	errBase64    = errors.New("it is no base64")
	errInexact   = errors.New("it would be rounded")
	errExtension = errors.New("it is a MessagePack extension that is no time")
	errMsgPack   = errors.New("it is no MessagePack")

	errYear      = errors.New("its year is outside 0 to 9999")
	errCycle     = errors.New("it is nested too deep, or holds itself")
	errNonFinite = errors.New("JSON has no number for it")
	errKeys      = errors.New("two keys of the map have the same text")
	errNullJSON  = errors.New("its JSON is null, which is how nil is stored")
	errNested    = errors.New("it is a whole stored value and cannot stand inside another one")
)

func decodeError(t reflect.Type, reason error) error {
	if _, ok := reason.(*DecodeError); ok {
		return reason
	}
	return &DecodeError{Type: t, Err: reason}
}

func encodeError(t reflect.Type, reason error) error {
	return &EncodeError{Type: t, Err: reason}
}

// within adds a step to the path of an error on its way out.
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

// shortened is the end of a path that is too long to read, from a step on. A
// text may be nested ten thousand deep.
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

// silent is an error of somebody else's whose text may quote the stored value: it can be found, and is not shown.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

func schemaError(format string, args ...any) error {
	return &SchemaError{Reason: fmt.Errorf(format, args...).Error()}
}

// rooted gives a SchemaError the type that it is about.
func withRoot(err error, root reflect.Type) error {
	var schema *SchemaError
	if errors.As(err, &schema) {
		schema.Root = root
	}
	return err
}
