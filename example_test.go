package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Profile struct {
	Name  string   `redis:"name"`
	Score int64    `redis:"score"`
	Tags  []string `redis:"tags"`
}

// Handles of fields, for Update. A wrong name or type does not compile.
var Score = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })

// A repository of users: write a record, change a field, read it.
func Example() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	users, err := symphony.NewUser[Profile](pools, "acme", symphony.TTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}

	if err := users.Upsert(ctx, "u1", Profile{Name: "Alice", Score: 100}); err != nil {
		log.Fatal(err)
	}
	if err := users.Update(ctx, "u1", Score.Add(10)); err != nil {
		log.Fatal(err)
	}
	alice, err := users.Get(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(alice.Name, alice.Score)
	// Output: Alice 110
}
