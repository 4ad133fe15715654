package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Fact struct {
	Text string `redis:"text"`
}

// DeleteAllByPK removes the row with one primary key from every table of a
// tenant, such as all that is stored about a customer.
func ExampleDeleteAllByPK() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	for _, name := range []string{"orders", "letters", "calls"} {
		table, err := symphony.NewTable[Fact](pools, "acme", name)
		if err != nil {
			log.Fatal(err)
		}
		if err := table.Upsert(ctx, "customer7", Fact{Text: "private"}); err != nil {
			log.Fatal(err)
		}
		if err := table.Upsert(ctx, "customer8", Fact{Text: "private"}); err != nil {
			log.Fatal(err)
		}
	}

	removed, err := symphony.DeleteAllByPK(ctx, pools, "acme", "customer7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed)
	// Output: 3
}
