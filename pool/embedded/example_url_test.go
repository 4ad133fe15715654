package embedded_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The embedded server has no URL. If the Config has one, Open returns a
// *pool.ConfigError.
func ExampleOpen_url() {
	_, err := embedded.Open(context.Background(), pool.Config{URL: "redis://localhost"})
	var mistake *pool.ConfigError
	fmt.Println(errors.As(err, &mistake), mistake.Field)
	// Output: true URL
}
