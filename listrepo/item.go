package listrepo

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// ItemError is an item that does not decode. The item itself is in Raw, and
// never in the text of the error.
type ItemError struct {
	Index int    // its place in what was read, from 0
	ID    string // its identity, where it was claimed or is dead
	Raw   []byte // what is stored
	Err   error  // a *codec.DecodeError
}

// Error says which item it is and what is wrong with it.
func (e *ItemError) Error() string {
	if e.ID != "" {
		return fmt.Sprintf("item %d (%s): %v", e.Index, e.ID, e.Err)
	}
	return fmt.Sprintf("item %d: %v", e.Index, e.Err)
}

// Unwrap gives the reason.
func (e *ItemError) Unwrap() error { return e.Err }

// decode reads an array of items.
func (r *ListRepo[T]) decode(t fault.Target, reply rueidis.RedisMessage) ([]T, error) {
	texts, err := reply.AsStrSlice()
	if err != nil {
		return nil, t.Failed(err)
	}
	items := make([]T, len(texts))
	var errs []error
	n := 0
	for i, text := range texts {
		if err := r.item(t, i, "", text, &items[n]); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return items[:n], errors.Join(errs...)
}

// item reads one item; its error is an *ItemError, and the value is zero then.
func (r *ListRepo[T]) item(t fault.Target, place int, id, text string, into *T) error {
	if err := r.core.Decode(t, text, reflect.ValueOf(into).Elem()); err != nil {
		return &ItemError{place, id, []byte(text), err}
	}
	return nil
}
