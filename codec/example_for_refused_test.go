package codec_test

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/symphony-go/symphony/codec"
)

type Job struct {
	Done chan struct{}
}

// If a type cannot be stored, For returns an error that names the part and the
// remedy.
func ExampleFor_refused() {
	_, err := codec.For(codec.Compact, reflect.TypeFor[Job]())
	fmt.Println(err)
	fmt.Println(errors.Is(err, codec.ErrUnstorable))
	// Output:
	// Job.Done: chan struct {} cannot be stored; store a type with MarshalText and UnmarshalText instead, or exclude the field with `redis:"-"`
	// true
}
