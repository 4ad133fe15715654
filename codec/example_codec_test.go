package codec_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/codec"
)

// Mask is a codec of your own: JSON with every bit inverted.
type Mask struct{}

func (Mask) Name() string { return "mask" }

func (Mask) Marshal(v any) ([]byte, error) {
	data, err := codec.JSON.Marshal(v)
	return flip(data), err
}

func (Mask) Unmarshal(data []byte, v any) error {
	return codec.JSON.Unmarshal(flip(data), v)
}

func flip(data []byte) []byte {
	out := make([]byte, len(data))
	for i, c := range data {
		out[i] = ^c
	}
	return out
}

// A codec of your own needs three methods. Pass it to a repository with the
// option Codec.
func ExampleCodec() {
	var mask codec.Codec = Mask{}
	data, err := mask.Marshal([]int{1, 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", data)

	var list []int
	if err := mask.Unmarshal(data, &list); err != nil {
		log.Fatal(err)
	}
	fmt.Println(list)
	// Output:
	// "\xa4\xce\xd3͢"
	// [1 2]
}
