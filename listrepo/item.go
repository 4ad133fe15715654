package listrepo

import (
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// ItemError is the error of an item that does not decode. Raw holds the item;
// the error's text never does.
type ItemError struct {
	Index int    // the item's position among those that were read, from 0
	ID    string // the item's id, if it was claimed or is a dead letter
	Raw   []byte // the stored bytes
	Err   error  // an *OpError that wraps a *codec.DecodeError
}

// Error names the item and the reason.
func (e *ItemError) Error() string {
	if e.ID != "" {
		return fmt.Sprintf("item %d (%s): %v", e.Index, e.ID, e.Err)
	}
	return fmt.Sprintf("item %d: %v", e.Index, e.Err)
}

// Unwrap returns the reason.
func (e *ItemError) Unwrap() error { return e.Err }

// decodeItems decodes an array of items. It leaves out items that do not
// decode, and joins their errors.
func (r *ListRepo[T]) decodeItems(t fault.Target, reply rueidis.RedisMessage) ([]T, error) {
	texts, err := reply.AsStrSlice()
	if err != nil {
		return nil, t.Failed(err)
	}
	items := make([]T, len(texts))
	var errs []error
	n := 0
	for i, text := range texts {
		if err := r.decodeItem(t, i, "", text, &items[n]); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return items[:n], fault.Join(errs...)
}

// decodeItem decodes one item. If that fails, it returns an *ItemError and sets
// into to the zero value.
func (r *ListRepo[T]) decodeItem(t fault.Target, index int, id, text string, into *T) error {
	if err := r.core.Decode(t, text, reflect.ValueOf(into).Elem()); err != nil {
		return &ItemError{index, id, []byte(text), err}
	}
	return nil
}
