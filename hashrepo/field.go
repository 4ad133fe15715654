package hashrepo

// Field stands for one stored field of T that holds a V.
type Field[T, V any] struct{ name string }

// At is the field with the stored name name: for maps, and for names that are
// data. The name is checked when the field is used: ErrUnknownField.
func At[T any](name string) Field[T, any] { return Field[T, any]{name} }

// Name is the stored name.
func (f Field[T, V]) Name() string { return f.name }

// Eq is the condition that the field holds v, as the codec writes it. A v that
// is absent in Redis (nil) asks for the field's absence.
func (f Field[T, V]) Eq(v V) Cond[T] { return Cond[T]{named{f.name, v}} }
