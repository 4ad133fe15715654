package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Menu struct {
	Dishes []string `json:"dishes"`
}

// A Generic holds one value of any type under each key.
func ExampleNewGeneric() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	menus, err := symphony.NewGeneric[Menu](pools, "acme", symphony.TTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}

	if err := menus.Set(ctx, "menu:today", Menu{Dishes: []string{"soup", "rice"}}); err != nil {
		log.Fatal(err)
	}
	menu, err := menus.Get(ctx, "menu:today")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(menu.Dishes)
	_, err = menus.Get(ctx, "menu:tomorrow")
	fmt.Println(errors.Is(err, symphony.ErrNotFound))
	// Output:
	// [soup rice]
	// true
}
