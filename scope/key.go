package scope

import "context"

// Key identifies a value of type T in a context. Create each key once with
// [NewKey] and keep it in a variable of your package. Two keys are different
// even if their names are equal. The zero Key is not valid.
type Key[T any] struct{ id *keyID }

// keyID identifies a key by its address.
type keyID struct{ name string }

func (id *keyID) String() string { return id.name }

// optional distinguishes a nil value from an absent one.
type optional[T any] struct{ value T }

// NewKey returns a new key. The name appears when a key or a context is
// printed.
func NewKey[T any](name string) Key[T] { return Key[T]{&keyID{name}} }

// With returns a context that carries v under k. It replaces a value that ctx
// carries under k. If k is the zero Key or ctx is nil, With panics.
func (k Key[T]) With(ctx context.Context, v T) context.Context {
	if k.id == nil {
		panic("scope: With called on the zero Key; create a Key with NewKey")
	}
	return context.WithValue(ctx, k.id, optional[T]{v})
}

// From returns the value that ctx carries under k. If there is none, or if ctx
// is nil, it returns the zero value and false. If the value is nil, it returns
// nil and true.
func (k Key[T]) From(ctx context.Context) (T, bool) {
	if ctx == nil {
		var zero T
		return zero, false
	}
	o, ok := ctx.Value(k.id).(optional[T])
	return o.value, ok
}

// String returns the name of the key. For the zero Key, it returns a text that
// says so.
func (k Key[T]) String() string {
	if k.id == nil {
		return "scope: zero Key"
	}
	return k.id.name
}
