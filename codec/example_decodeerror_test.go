package codec_test

import (
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/codec"
)

type Stay struct {
	Room string `redis:"room"`
	Paid bool   `redis:"paid"`
}

// If a stored value does not fit its type, the error is a DecodeError. It names
// the field. Since a bool is no secret, it also shows the stored text.
func ExampleDecodeError() {
	var stay Stay
	err := codec.Compact.Unmarshal([]byte(`{"room": "12", "paid": "perhaps"}`), &stay)

	var bad *codec.DecodeError
	if errors.As(err, &bad) {
		fmt.Println(bad.Field, bad.Type, bad.Err)
	}
	fmt.Println(err)
	// Output:
	// paid bool not a bool: "perhaps"
	// field "paid": cannot decode stored value into bool: not a bool: "perhaps"
}
