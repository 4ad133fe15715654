package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A repository of one's own: a record, a pattern for its keys, and New.
func Example() {
	type Session struct {
		User  string   `redis:"user"`
		Hits  int64    `redis:"hits"`
		Pages []string `redis:"pages"`
	}
	sessions := keyspace.MustCompile("{tenant}:session:{id}")

	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := sessions.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	repo, err := hashrepo.New[Session](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(repo.Upsert(ctx, "s1", Session{User: "Alice"}))
	hits, err := repo.IncrementField(ctx, "s1", "hits", 2)
	fmt.Println(hits, err)
	fmt.Println(repo.AppendToList(ctx, "s1", "pages", "/", "/orders"))
	session, err := repo.Get(ctx, "s1")
	fmt.Printf("%+v %v\n", session, err)
	// Output:
	// <nil>
	// 2 <nil>
	// <nil>
	// {User:Alice Hits:2 Pages:[/ /orders]} <nil>
}

func ExampleHashRepo_Find() {
	type Order struct {
		Item string `redis:"item"`
		Paid bool   `redis:"paid"`
	}
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:order:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	orders, err := hashrepo.New[Order](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	err = orders.UpsertMany(ctx,
		hashrepo.Record[Order]{ID: "1", Value: Order{"cup", true}},
		hashrepo.Record[Order]{ID: "2", Value: Order{"plate", false}})
	if err != nil {
		log.Fatal(err)
	}

	paid := hashrepo.At[Order]("paid")
	for order, err := range orders.Find(ctx, paid.Eq(false)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(order.ID, order.Value.Item)
	}
	// Output: 2 plate
}
