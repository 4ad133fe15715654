package recipes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Invoice struct {
	Customer string    `redis:"customer" json:"customer"`
	Total    float64   `redis:"total" json:"total"`
	Issued   time.Time `redis:"issued,index" json:"issued"`
}

var issued = hashrepo.FieldOf(func(i *Invoice) *time.Time { return &i.Issued })

// listInvoices answers GET /invoices?limit=20&after=TOKEN with the newest
// invoices first. The token is the place of the last invoice, so invoices that
// are added or removed between two pages change nothing.
func listInvoices(invoices *symphony.Table[Invoice]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		limit := 20
		if text := r.FormValue("limit"); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 100 {
				http.Error(w, "limit must be a number from 1 to 100", http.StatusBadRequest)
				return
			}
			limit = n
		}
		page, err := invoices.Page(r.Context(), hashrepo.Query[Invoice]{
			Order: issued.Desc(), Limit: limit, After: r.FormValue("after"),
		})
		switch {
		case errors.Is(err, symphony.ErrInvalidPage):
			http.Error(w, "after must be the field next of a page", http.StatusBadRequest)
			return
		case err != nil:
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		answer := struct {
			Invoices []Invoice `json:"invoices"`
			Next     string    `json:"next,omitempty"` // absent: this is the last page
		}{Next: page.Next}
		for _, record := range page.Records {
			answer.Invoices = append(answer.Invoices, record.Value)
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// Paging for an HTTP API: each page is one round trip, and its token is text
// for a URL.
func Example_paging() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	invoices, err := symphony.NewTable[Invoice](pools, "acme", "invoices", symphony.NoTTL())
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range invoices.Reindex(ctx) { // once, when the tenant is created
		if err != nil {
			log.Fatal(err)
		}
	}
	for day := range 5 {
		invoice := Invoice{"Alice", float64(10 * day), time.Date(2026, time.May, 1+day, 0, 0, 0, 0, time.UTC)}
		if err := invoices.Upsert(ctx, strconv.Itoa(day), invoice); err != nil {
			log.Fatal(err)
		}
	}

	server := httptest.NewServer(listInvoices(invoices))
	defer server.Close()
	for after := ""; ; {
		answer, err := http.Get(server.URL + "?limit=2&after=" + url.QueryEscape(after))
		if err != nil {
			log.Fatal(err)
		}
		var page struct {
			Invoices []Invoice
			Next     string
		}
		err = json.NewDecoder(answer.Body).Decode(&page)
		_ = answer.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		for _, invoice := range page.Invoices {
			fmt.Println(invoice.Issued.Format("2 January"))
		}
		fmt.Println("--")
		if after = page.Next; after == "" {
			break
		}
	}
	answer, err := http.Get(server.URL + "?after=made-up")
	if err != nil {
		log.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	fmt.Print(answer.StatusCode, " ", string(text))
	// Output:
	// 5 May
	// 4 May
	// --
	// 3 May
	// 2 May
	// --
	// 1 May
	// --
	// 400 after must be the field next of a page
}
