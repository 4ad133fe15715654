package codec_test

import (
	"errors"
	"fmt"
	"math"

	"github.com/symphony-go/symphony/codec"
)

// If a value cannot be encoded although its type can be stored, the error is an
// EncodeError.
func ExampleEncodeError() {
	_, err := codec.JSON.Marshal(map[string]float64{"ratio": math.Inf(1)})

	var bad *codec.EncodeError
	if errors.As(err, &bad) {
		fmt.Println(bad.Type)
	}
	// Output: float64
}
