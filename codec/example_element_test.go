package codec_test

import (
	"fmt"
	"log"
	"reflect"

	"github.com/symphony-go/symphony/codec"
)

// An Element encodes a single element of a JSON array, so that a script can
// append it to a stored array.
func ExampleElement() {
	typ, err := codec.For(codec.Compact, reflect.TypeFor[[]string]())
	if err != nil {
		log.Fatal(err)
	}

	element, ok := typ.JSONList()
	if !ok {
		log.Fatal("not stored as a JSON list")
	}
	text, err := element.Append(nil, reflect.ValueOf("gold"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v %s\n", element.Type(), text)
	// Output: string "gold"
}
