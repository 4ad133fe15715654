package pool_test

import (
	"fmt"
	"log"
	"os"

	"github.com/symphony-go/symphony/pool"
)

// FromEnv reads the configuration of a service from its environment.
func ExampleFromEnv() {
	if err := os.Setenv("SYMPHONY_TIMEOUT", "2s"); err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.Unsetenv("SYMPHONY_TIMEOUT") }()

	cfg, err := pool.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.Timeout)
	// Output: 2s
}
