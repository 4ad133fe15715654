package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Keys shows to which tenant each key belongs.
func ExampleKeys() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	values, err := symphony.NewGeneric[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := values.Set(ctx, "motd", "hello"); err != nil {
		log.Fatal(err)
	}
	for k, err := range symphony.Keys(ctx, pools) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(k.Pool, k.Tenant, k.Kind, k.Parts)
	}
	// Output: default acme generic [motd]
}
