package codec_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/codec"
)

// A Value is decoded as the type that the reader asks for.
func ExampleValue() {
	stored := codec.NewValue(codec.Compact, []byte("42"))
	n, err := stored.Int()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n)

	_, err = stored.Bool()
	fmt.Println(err)
	// Output:
	// 42
	// cannot decode stored value into bool: not a bool
}
