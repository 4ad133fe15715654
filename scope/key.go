package scope

import "context"

// Key stands for one value of type T in a context. It is made by [NewKey], once,
// and kept in a variable of its package; two keys are never the same key,
// whatever their names.
type Key[T any] struct{ id *keyID }

// keyID is told from others by its address alone.
type keyID struct{ name string }

func (id *keyID) String() string { return id.name }

// held tells a value that is nil from one that is not there.
type optional[T any] struct{ value T }

// NewKey makes a key unlike every other. The name is for people who print a
// context or a key.
func NewKey[T any](name string) Key[T] { return Key[T]{&keyID{name}} }

// With gives a context that carries v under the key, in place of the value that
// it may carry. It panics where the key was not made by NewKey.
func (k Key[T]) With(ctx context.Context, v T) context.Context {
	if k.id == nil {
		panic("scope: With on the zero Key; NewKey makes one")
	}
	return context.WithValue(ctx, k.id, optional[T]{v})
}

// From gives the value that a context carries under the key, if it carries one.
// A value that is nil is there.
func (k Key[T]) From(ctx context.Context) (T, bool) {
	if ctx == nil {
		var none T
		return none, false
	}
	o, ok := ctx.Value(k.id).(optional[T])
	return o.value, ok
}

// String gives the key's name.
func (k Key[T]) String() string {
	if k.id == nil {
		return "scope: the zero Key"
	}
	return k.id.name
}
