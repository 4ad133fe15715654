package pool_test

import (
	"fmt"
	"log"
	"os"

	"github.com/symphony-go/symphony/pool"
)

// FromEnv reads the configuration of a service from its environment.
func ExampleFromEnv() {
	for name, value := range map[string]string{"REDIS_URL": "redis://redis.internal", "SYMPHONY_TIMEOUT": "2s"} {
		if err := os.Setenv(name, value); err != nil {
			log.Fatal(err)
		}
		defer func() { _ = os.Unsetenv(name) }()
	}

	cfg, err := pool.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.URL, cfg.Timeout)
	// Output: redis://redis.internal 2s
}
