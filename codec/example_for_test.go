package codec_test

import (
	"fmt"
	"log"
	"reflect"

	"github.com/symphony-go/symphony/codec"
)

// For compiles a type once. The Type then encodes and decodes its values.
func ExampleFor() {
	typ, err := codec.For(codec.Compact, reflect.TypeFor[[]string]())
	if err != nil {
		log.Fatal(err)
	}
	data, err := typ.Append(nil, reflect.ValueOf([]string{"new", "gold"}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", data)

	var tags []string
	if err := typ.Decode(`["new", "gold", "beta"]`, reflect.ValueOf(&tags).Elem()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(tags)
	// Output:
	// ["new","gold"]
	// [new gold beta]
}
