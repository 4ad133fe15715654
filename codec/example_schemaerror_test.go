package codec_test

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/symphony-go/symphony/codec"
)

type Machine struct {
	Name string
	Stop func()
}

// A SchemaError names the part of a type that cannot be stored.
func ExampleSchemaError() {
	_, err := codec.For(codec.Compact, reflect.TypeFor[Machine]())

	var bad *codec.SchemaError
	if errors.As(err, &bad) {
		fmt.Println(bad.Root.Name(), bad.Path)
	}
	// Output: Machine Stop
}
