package hashrepo

import (
	"context"
	"fmt"
	"reflect"
	"time"
)

// Repository is a *[HashRepo] of T, or a type that embeds one. The methods of
// the handles take it.
type Repository[T any] interface{ hashRepo() *HashRepo[T] }

func (r *HashRepo[T]) hashRepo() *HashRepo[T] { return r }

// Field is the handle of a stored field of T with the Go type V.
type Field[T, V any] struct{ name string }

// FieldOf returns the handle of the field whose address the selector returns:
//
//	var Name = hashrepo.FieldOf(func(p *Profile) *string { return &p.Name })
//
// The field may be in an embedded struct. FieldOf calls the selector once. It
// panics if the selector does not return a stored field of T, so that a wrong
// handle in a package variable stops the program when it starts.
func FieldOf[T, V any](selector func(*T) *V) Field[T, V] {
	return Field[T, V]{selectedName("FieldOf", selector)}
}

// At returns the handle of the field with a stored name. It is for maps, and
// for names that are data. The name is checked when the handle is used: if T
// has no such field, the call returns [ErrUnknownField].
func At[T any](name string) Field[T, any] { return Field[T, any]{name} }

// Name returns the stored name of the field.
func (f Field[T, V]) Name() string { return f.name }

// Get reads this field of a record. It sends HGET, and EXISTS if the field is
// absent, which is read as the zero value.
//
// Get returns the errors of [HashRepo.GetField].
func (f Field[T, V]) Get(ctx context.Context, repo Repository[T], id string) (v V, err error) {
	err = repo.hashRepo().GetField(ctx, id, f.name, &v)
	return v, err
}

// Eq returns the condition that the stored field equals v, as the codec encodes
// it. If v is nil, the condition is that the field is absent. If an option of
// the field leaves v out, such as a zero value with omitzero, an absent field
// matches too.
func (f Field[T, V]) Eq(v V) Cond[T] { return f.compare(compareEqual, v) }

// In returns the condition that the stored field equals one of the values, as
// [Field.Eq] compares them. Without values, it holds for no record.
func (f Field[T, V]) In(values ...V) Cond[T] { return f.compare(compareEqual, values...) }

// Between returns the condition that the value of the field is at least low and
// less than high. If low is not less than high, it holds for no record.
//
// Numbers, strings, times, bools, types with MarshalText and UnmarshalText, and
// pointers to them have an order. Floats are exact, and NaN is neither less nor
// greater than a number. Strings and marshaled texts are ordered by their
// bytes, and times by instant. A field that is absent is in no range.
//
// If the field has no order or a bound is nil, the call with the condition
// returns [ErrFieldType].
func (f Field[T, V]) Between(low, high V) Cond[T] { return f.compare(compareBetween, low, high) }

// AtLeast returns the condition that the value of the field is v or greater.
// See [Field.Between] for the order and the errors.
func (f Field[T, V]) AtLeast(v V) Cond[T] { return f.compare(compareAtLeast, v) }

// AtMost returns the condition that the value of the field is v or less. See
// [Field.Between] for the order and the errors.
func (f Field[T, V]) AtMost(v V) Cond[T] { return f.compare(compareAtMost, v) }

func (f Field[T, V]) compare(kind comparisonKind, values ...V) Cond[T] {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return Cond[T]{comparison{f.name, kind, all}}
}

// Asc returns the order of a [Query] by the value of the field, the least
// first. Records with the same value are ordered by id. [Field.Between]
// describes the order of values. NaN is the greatest float.
func (f Field[T, V]) Asc() Order[T] { return Order[T]{order{name: f.name, byField: true}} }

// Desc is [Field.Asc] in reverse, the greatest value first.
func (f Field[T, V]) Desc() Order[T] {
	return Order[T]{order{name: f.name, byField: true, descending: true}}
}

// Set returns the patch that sets the field to v and removes the field's own
// lifetime. If v is absent in Redis, such as nil, or zero with omitzero, the
// patch clears the field.
func (f Field[T, V]) Set(v V) Patch[T] {
	return fieldPatch[T]{&patch{fieldValue: fieldValue{f.name, v}, kind: patchSet}}
}

// SetFor returns the patch that sets the field to v and expires it after d,
// independently of the lifetime of the record. d is rounded up to whole
// milliseconds. If the last field of a record expires, Redis removes the
// record.
//
// [Number.Add] and [List.Append] keep the lifetime of the field, even if they
// move it from an old name. [Field.Set], [HashRepo.Upsert] and
// [HashRepo.Replace] remove it, and so does [HashRepo.Mutate] if it changes the
// field. Changes of other fields do not affect it.
//
// If d is less than a millisecond, the call with the patch returns
// [ErrInvalidTTL]. If the server does not support HPEXPIRE, it returns
// [ErrUnsupported] before anything is sent. Redis 7.4 and Valkey 9 support it,
// and the embedded server does not.
func (f Field[T, V]) SetFor(v V, d time.Duration) Patch[T] {
	return fieldPatch[T]{&patch{fieldValue: fieldValue{f.name, v}, kind: patchSetFor, lifetime: d}}
}

// Clear returns the patch that removes the field, which is then read as the
// zero value.
func (f Field[T, V]) Clear() Patch[T] {
	return fieldPatch[T]{&patch{fieldValue: fieldValue{name: f.name}, kind: patchClear}}
}

// Numeric is the constraint of the Go types of a [Number].
type Numeric interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Number is the handle of a stored field of T that is a number.
type Number[T any, N Numeric] struct{ Field[T, N] }

// NumberOf is [FieldOf] for a number:
//
//	var Score = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })
func NumberOf[T any, N Numeric](selector func(*T) *N) Number[T, N] {
	return Number[T, N]{Field[T, N]{selectedName("NumberOf", selector)}}
}

// Add returns the patch that adds to the stored number. An absent field counts
// as 0. Integers are added exactly in the whole range of N. Floats are added as
// float64.
//
// [Addition.AtLeast] and [Addition.AtMost] limit the sum.
//
// If the sum of integers or of finite floats is out of the range of N, the call
// with the patch returns [ErrOverflow]. If the stored text is not a number, it
// returns [ErrFieldType].
func (n Number[T, N]) Add(by N) Addition[T, N] {
	return Addition[T, N]{&patch{fieldValue: fieldValue{n.name, by}, kind: patchAdd}}
}

// Increment adds to the field of a record and returns the sum. It is
// [HashRepo.Update] with [Number.Add], and one script reads the sum too. For a
// sum with bounds, see [Addition.Apply].
//
// Increment returns the errors of Update.
func (n Number[T, N]) Increment(ctx context.Context, repo Repository[T], id string, by N) (sum N, err error) {
	err = repo.hashRepo().core.increment(ctx, "Increment", id, *n.Add(by).patch, &sum)
	return sum, err
}

// Text is the handle of a stored field of T that is a string.
type Text[T any, S ~string] struct{ Field[T, S] }

// TextOf is [FieldOf] for a string:
//
//	var Email = hashrepo.TextOf(func(p *Profile) *string { return &p.Email })
func TextOf[T any, S ~string](selector func(*T) *S) Text[T, S] {
	return Text[T, S]{Field[T, S]{selectedName("TextOf", selector)}}
}

// Prefix returns the condition that the text of the field begins with prefix,
// byte by byte. The text of a type with MarshalText is its marshaled text. An
// empty prefix holds for every record that has the field.
func (t Text[T, S]) Prefix(prefix string) Cond[T] {
	return Cond[T]{comparison{t.name, comparePrefix, []any{prefix}}}
}

// List is the handle of a stored field of T that is a slice of E.
type List[T, E any] struct{ Field[T, []E] }

// ListOf is [FieldOf] for a slice:
//
//	var Tags = hashrepo.ListOf(func(p *Profile) *[]string { return &p.Tags })
//
// It panics also for a slice of bytes, which is stored as text and not as a
// list.
func ListOf[T any, S ~[]E, E any](selector func(*T) *S) List[T, E] {
	name := selectedName("ListOf", selector)
	if reflect.TypeFor[E]().Kind() == reflect.Uint8 {
		panic(fmt.Sprintf("hashrepo.ListOf for %v: %v is stored as bytes, not as a list; use FieldOf", reflect.TypeFor[T](), reflect.TypeFor[S]()))
	}
	return List[T, E]{Field[T, []E]{name}}
}

// Append returns the patch that appends elements to the stored list. An absent
// field counts as an empty list. Without elements, the patch changes nothing.
//
// If the stored text is not a list, the call with the patch returns
// [ErrFieldType]. A list in JSON is checked for its brackets only. If the list
// would become larger than [pool.Config.MaxValueBytes], the call returns
// [ErrTooLarge].
func (l List[T, E]) Append(elements ...E) Patch[T] {
	return fieldPatch[T]{&patch{fieldValue: fieldValue{l.name, elements}, kind: patchAppend}}
}

// Contains returns the condition that an element of the list has the value of
// element, in the order that [Field.Between] describes: 0 and -0 are one value,
// and so are times of one instant.
//
// If elements have no order or element is nil, the call with the condition
// returns [ErrFieldType].
func (l List[T, E]) Contains(element E) Cond[T] {
	return Cond[T]{comparison{l.name, compareContains, []any{[]E{element}}}}
}

// TTL returns the remaining lifetime of the field, which [Field.SetFor] or
// another program gave it, or [NoExpiry] if it has none. The lifetime of the
// record is [HashRepo.TTL]. TTL sends HPTTL.
//
// If the record does not exist or the field is absent, TTL returns
// [ErrNotFound]. If T has no such field, it returns [ErrUnknownField]. If the
// key holds another Redis type, it returns [ErrWrongType]. If the server does
// not support HPTTL, it returns [ErrUnsupported] before anything is sent. Redis
// 7.4 and Valkey 9 support it, and the embedded server does not.
func (f Field[T, V]) TTL(ctx context.Context, repo Repository[T], id string) (time.Duration, error) {
	return repo.hashRepo().core.fieldTTL(ctx, id, f.name)
}
