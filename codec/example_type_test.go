package codec_test

import (
	"fmt"
	"log"
	"reflect"

	"github.com/symphony-go/symphony/codec"
)

// A Type reports how its values are stored.
func ExampleType() {
	for _, t := range []reflect.Type{reflect.TypeFor[int64](), reflect.TypeFor[*string]()} {
		typ, err := codec.For(codec.Compact, t)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(t, "decimal", typ.DecimalInteger(), "nilable", typ.Nilable())
	}
	// Output:
	// int64 decimal true nilable false
	// *string decimal false nilable true
}
