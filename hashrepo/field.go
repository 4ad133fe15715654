package hashrepo

import (
	"context"
	"fmt"
	"reflect"
	"time"
)

// Repository is what the methods of the handles take: a *HashRepo[T], and
// every type that embeds one.
type Repository[T any] interface{ hashRepo() *HashRepo[T] }

func (r *HashRepo[T]) hashRepo() *HashRepo[T] { return r }

// Field stands for one stored field of T that holds a V.
type Field[T, V any] struct{ name string }

// FieldOf is the field whose address selector gives, found once, also through
// embedded structs:
//
//	var Name = hashrepo.FieldOf(func(p *Profile) *string { return &p.Name })
//
// A selector that gives no stored field of T panics, so that the program does
// not start.
func FieldOf[T, V any](selector func(*T) *V) Field[T, V] {
	return Field[T, V]{selected("FieldOf", selector)}
}

// At is the field with the stored name name: for maps, and for names that are
// data. The name is checked when the field is used: ErrUnknownField.
func At[T any](name string) Field[T, any] { return Field[T, any]{name} }

// Name is the stored name.
func (f Field[T, V]) Name() string { return f.name }

// Get reads this field alone: HGET, and EXISTS where it is absent, which reads
// as zero. See [HashRepo.GetField], also for the errors.
func (f Field[T, V]) Get(ctx context.Context, repo Repository[T], id string) (v V, err error) {
	err = repo.hashRepo().GetField(ctx, id, f.name, &v)
	return v, err
}

// Eq is the condition that the field holds v, as the codec writes it. A v that
// is absent in Redis (nil) asks for the field's absence.
func (f Field[T, V]) Eq(v V) Cond[T] { return Cond[T]{named{f.name, v}} }

// Set makes the field v. A v that is absent in Redis (nil, or zero with
// omitzero) clears it. It ends a lifetime of the field's own.
func (f Field[T, V]) Set(v V) Patch[T] {
	return Patch[T]{patch{named: named{f.name, v}, kind: kindSet}}
}

// SetFor makes the field v, for the time d: then the field is absent, whatever
// the record's lifetime, and a record that has no other field is gone with it.
// In whole milliseconds, rounded up; under one: ErrInvalidTTL. A server without HPEXPIRE (before Redis 7.4
// and Valkey 9, and the embedded one) is ErrUnsupported, before anything is
// sent. Other fields may change meanwhile. For this field, Add and Append keep
// the time; Set, Upsert, Replace, and Mutate where it changes the field end it.
func (f Field[T, V]) SetFor(v V, d time.Duration) Patch[T] {
	return Patch[T]{patch{named: named{f.name, v}, kind: kindSetFor, life: d}}
}

// Clear removes the field; it reads as zero then.
func (f Field[T, V]) Clear() Patch[T] {
	return Patch[T]{patch{named: named{name: f.name}, kind: kindClear}}
}

// Numeric is what a [Number] holds.
type Numeric interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Number stands for a stored field of T that is a number.
type Number[T any, N Numeric] struct{ Field[T, N] }

// NumberOf is [FieldOf] for a number:
//
//	var Score = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })
func NumberOf[T any, N Numeric](selector func(*T) *N) Number[T, N] {
	return Number[T, N]{Field[T, N]{selected("NumberOf", selector)}}
}

// Add adds by to what the field holds then; an absent one counts from 0.
// Integers are exact over the whole range of N: a sum outside is ErrOverflow.
// Floats are added as float64; a finite sum that is too large is ErrOverflow.
// A stored text that is no number is ErrFieldType.
func (n Number[T, N]) Add(by N) Patch[T] {
	return Patch[T]{patch{named: named{n.name, by}, kind: kindAdd}}
}

// Increment is an Update with Add alone, and gives the sum. See
// [HashRepo.Update], also for the errors.
func (n Number[T, N]) Increment(ctx context.Context, repo Repository[T], id string, by N) (sum N, err error) {
	err = repo.hashRepo().core.increment(ctx, "Increment", id, n.Add(by).patch, &sum)
	return sum, err
}

// List stands for a stored field of T that is a slice of E.
type List[T, E any] struct{ Field[T, []E] }

// ListOf is [FieldOf] for a slice:
//
//	var Tags = hashrepo.ListOf(func(p *Profile) *[]string { return &p.Tags })
func ListOf[T any, S ~[]E, E any](selector func(*T) *S) List[T, E] {
	name := selected("ListOf", selector)
	if reflect.TypeFor[E]().Kind() == reflect.Uint8 {
		panic(fmt.Sprintf("hashrepo.ListOf on %v: %v is stored as bytes, not as a list; use FieldOf", reflect.TypeFor[T](), reflect.TypeFor[S]()))
	}
	return List[T, E]{Field[T, []E]{name}}
}

// Append adds elements behind those that the field holds then; an absent one
// counts as empty. What is there is not rewritten, and is looked at as far as
// its brackets: a stored text that is no list is ErrFieldType. A field that would grow over
// Config.MaxValueBytes is ErrTooLarge. Without elements it changes nothing.
func (l List[T, E]) Append(elements ...E) Patch[T] {
	return Patch[T]{patch{named: named{l.name, elements}, kind: kindAppend}}
}
