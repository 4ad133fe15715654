package pool_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/pool"
)

// A program can show each mistake of a Config beside the setting that caused
// it.
func ExampleConfigError() {
	_, err := pool.Open(context.Background(), pool.Config{
		URL:     "redis://localhost:6379/sessions",
		Timeout: -time.Second,
	})
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			var mistake *pool.ConfigError
			if errors.As(err, &mistake) {
				fmt.Println(mistake.Field)
				fmt.Println("  " + mistake.Reason)
			}
		}
	}
	// Output:
	// Timeout
	//   -1s is negative; use a positive duration, or 0 for the default of 5s
	// URL
	//   the path is not a database number; write redis://host:6379/0, and percent-encode the characters / ? # [ ] @ and % of the user and the password
}
