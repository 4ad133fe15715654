package codec_test

import (
	"fmt"
	"log"
	"reflect"

	"github.com/symphony-go/symphony/codec"
)

// JSONList returns how one element of a list is written, for code that appends
// to a stored list without reading it.
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
