package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A walk over a large database visits a limited number of keys in a second, and
// says how far it is.
func ExampleProgress() {
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
	last := ""
	report := symphony.Progress(func(walked, total int64) { last = fmt.Sprintf("%d of %d keys", walked, total) })
	for s, err := range symphony.Tenants(ctx, pools, symphony.ScanRate(100_000), report) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(s.Tenant, s.Keys)
	}
	fmt.Println(last)
	// Output:
	// acme map[generic:1 permanent:1]
	// 1 of 1 keys
}
