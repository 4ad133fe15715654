package keyspace_test

import (
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// Key escapes the parts, so that different parts never make the same key.
func ExamplePattern_Key() {
	user := keyspace.Default().User

	for _, id := range []string{"u1", "a:b%", ""} {
		key, err := user.Key("north:east", id)
		fmt.Println(key, errors.Is(err, keyspace.ErrInvalidKey))
	}
	// Output:
	// north%3Aeast:user:u1 false
	// north%3Aeast:user:a:b% false
	//  true
}
