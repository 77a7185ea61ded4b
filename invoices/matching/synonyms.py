"""What the columns of other systems are called, in the languages of Microsoft's partners; and how alike a name is."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# By field: English, German, French, Spanish, Dutch, Italian, Portuguese, Polish. Words as `words_of` gives them.
_NAMES = {
    "InvoiceNumber": """
        invoice number|invoice no|invoice|invoice id|invoice nr|invoice ref|document|document number|document no
        |doc no|number|bill number|bill no|inv no|voucher|rechnungsnummer|rechnung|rechnungsnr|rechnung nr
        |rechnungs nr|rg nr|belegnummer|belegnr|beleg|numero de facture|no facture|facture|num facture|facture no
        |n facture|numero facture|numero de factura|factura|n factura|no factura|num factura|factuurnummer|factuur
        |factuurnr|factuur nr|numero fattura|fattura|n fattura|nr fattura|numero da fatura|fatura|n fatura|no fatura
        |numero fatura|numer faktury|nr faktury|faktura""",
    "CustomerName": """
        customer|customer name|client|client name|bill to|billed to|bill to name|account name|company|company name
        |sold to|customer company|end customer|end customer name|kunde|kundenname|firma|debitor|rechnungsempfanger
        |auftraggeber|nom client|nom du client|raison sociale|societe|cliente|nombre cliente|nombre del cliente
        |razon social|klant|klantnaam|bedrijf|naam klant|nome cliente|ragione sociale|nome do cliente|razao social
        |empresa|klient|nabywca|nazwa klienta|kontrahent|nazwa kontrahenta|odbiorca""",
    "TenantID": """
        tenant id|tenant|customer key|customer id|customer guid|customer tenant id|microsoft id|azure tenant id
        |mandant|mandanten id|kunden id|id client|id cliente|klant id|id klienta""",
    "ERPCustomerID": """
        erp customer id|erp id|client code|customer code|customer number|customer no|client number|client no
        |account no|account number|account code|debtor number|debtor no|customer ref|customer reference|client id
        |kundennummer|kundennr|kunden nr|debitorennummer|debitor nr|kundencode|code client|numero client|no client
        |n client|reference client|compte client|codigo cliente|codigo de cliente|numero de cliente|n cliente
        |klantnummer|klantnr|klantcode|debiteurnummer|codice cliente|numero cliente|cod cliente|codigo do cliente
        |numer klienta|kod klienta|nr klienta|numer kontrahenta|kod kontrahenta""",
    "CurrencyCode": """
        currency|currency code|ccy|cur|curr|billing currency|iso currency|wahrung|waehrung|wahrungscode|devise
        |monnaie|code devise|moneda|divisa|codigo moneda|valuta|munt|muntsoort|valutacode|codice valuta|moeda
        |codigo moeda|waluta|kod waluty""",
    "InvoiceGeneratedDate": """
        invoice date|bill date|billing date|date|issue date|issued|issued on|date issued|document date
        |invoice generated date|invoiced on|posting date|rechnungsdatum|datum|belegdatum|ausgestellt am
        |ausstellungsdatum|date de facture|date facture|date d emission|date emission|date de facturation|fecha
        |fecha factura|fecha de factura|fecha de emision|fecha emision|factuurdatum|facturatiedatum|data fattura
        |data|data emissione|data documento|data da fatura|data fatura|data de emissao|data emissao|data faktury
        |data wystawienia""",
    "InvoiceDueDate": """
        due date|due|due on|invoice due date|payment due|payment due date|pay by|payable by|falligkeit|faelligkeit
        |fallig|fallig am|falligkeitsdatum|faelligkeitsdatum|zahlbar bis|date d echeance|echeance|date echeance
        |fecha vencimiento|fecha de vencimiento|vencimiento|vence|vervaldatum|vervaldag|betalen voor|scadenza
        |data scadenza|data di scadenza|vencimento|data de vencimento|data vencimento|termin platnosci|termin
        |data platnosci|platne do""",
    "SubscriptionName": """
        description|product|product name|item|item name|item description|line description|service|service name
        |subscription name|offer|offer name|details|article|charge description|sku name|meter name|particulars
        |beschreibung|bezeichnung|produkt|produktname|artikel|artikelbezeichnung|leistung|position|positionstext
        |designation|libelle|produit|nom du produit|prestation|descripcion|concepto|producto|articulo|servicio
        |omschrijving|artikelomschrijving|dienst|productnaam|descrizione|prodotto|articolo|servizio|voce|descricao
        |produto|artigo|servico|opis|nazwa|nazwa produktu|towar|usluga|nazwa towaru|pozycja""",
    "ProductSKUId": """
        sku|sku id|product sku|product sku id|product code|item code|item number|part number|part no|article number
        |product id|offer id|material|artikelnummer|artikelnr|artikel nr|produktnummer|produktcode|code article
        |code produit|reference|ref|ref produit|reference produit|codigo|codigo articulo|codigo producto|referencia
        |artikelcode|productcode|codice|codice articolo|codice prodotto|codigo produto|codigo artigo|indeks
        |kod produktu|kod towaru|symbol""",
    "Category": """
        category|type|kind|line type|charge type|item type|product type|product category|class|product group|art|typ
        |kategorie|produktart|warengruppe|produktgruppe|positionsart|categorie|type de produit|famille|categoria
        |tipo|tipo producto|tipo de producto|familia|soort|type product|productgroep|tipo prodotto|tipologia
        |tipo produto|kategoria|rodzaj|typ produktu""",
    "ProviderCategory": """
        provider category|provider|publisher|vendor|manufacturer|anbieter|hersteller|fournisseur|proveedor
        |leverancier|fornitore|fornecedor|dostawca""",
    "Quantity": """
        quantity|qty|billable quantity|billed quantity|units|unit count|count|usage quantity|consumed quantity|seats
        |licenses|menge|anzahl|stuck|stueck|stk|quantite|qte|nombre|nb|cantidad|cant|unidades|aantal|hoeveelheid
        |quantita|qta|pezzi|quantidade|qtd|qtde|ilosc|liczba|szt""",
    "UnitPriceOfProduct": """
        unit price|unit price of product|unit amount|unit cost|price|rate|effective unit price|price per unit
        |customer unit price|sell price|selling price|unit rate|unit price net|einzelpreis|stuckpreis|preis
        |preis pro einheit|e preis|ep|nettopreis|einheitspreis|prix unitaire|prix|pu|prix unitaire ht|pu ht
        |precio unitario|precio|precio por unidad|stukprijs|prijs|eenheidsprijs|prijs per stuk|prezzo unitario
        |prezzo|preco unitario|preco|cena jednostkowa|cena|cena netto|cena jednostkowa netto""",
    "SubTotal": """
        net|net amount|subtotal|sub total|amount|line amount|line total net|pre tax total|pretax total
        |amount before tax|net total|total net|total excl tax|total ex tax|amount ex tax|amount excl tax|ex gst
        |ex vat|total ex gst|extended price|total ex vat|charge|netto|nettobetrag|betrag netto|summe netto
        |gesamt netto|netto betrag|gesamtpreis|betrag|positionsbetrag|montant ht|total ht|ht|montant
        |montant hors taxes|hors taxes|importe|neto|base imponible|importe neto|base|nettobedrag|bedrag excl btw
        |bedrag|totaal excl btw|excl btw|netto bedrag|imponibile|importo|importo netto|totale netto|valor
        |valor liquido|liquido|valor sem iva|wartosc netto|kwota netto|wartosc|netto razem""",
    "TaxName": """
        tax name|tax code|tax type|vat code|tax|steuerart|steuerschlussel|steuercode|steuerkennzeichen|nom taxe
        |code taxe|code tva|nombre impuesto|codigo impuesto|tipo impuesto|btw code|codice iva|nome imposta
        |codigo iva|nome imposto|nazwa podatku|kod vat""",
    "TaxPercentage": """
        tax percentage|tax rate|tax percent|vat rate|vat percent|gst percent|gst rate|tax rate applied|percent tax
        |percent vat|sales tax rate|steuersatz|mwst satz|mwst percent|ust percent|ust satz|umsatzsteuersatz
        |mehrwertsteuersatz|steuer percent|percent mwst|taux tva|taux de tva|tva percent|taux|taux de taxe
        |percent tva|tipo iva|iva percent|porcentaje iva|percent iva|tasa|tipo de iva|tasa impuesto|btw percent
        |btw percentage|btw tarief|percent btw|aliquota|aliquota iva|taxa iva|taxa de iva|taxa|stawka vat|stawka
        |stawka podatku""",
    "TaxAmount": """
        tax amount|tax|vat|gst|hst|sales tax|tax total|total tax|vat amount|gst amount|tax charged|taxes|steuer
        |steuerbetrag|mwst|mwst betrag|ust|ust betrag|umsatzsteuer|mehrwertsteuer|tva|montant tva|taxe|montant taxe
        |iva|importe iva|cuota iva|impuesto|impuestos|cuota|btw|btw bedrag|imposta|importo iva|imposto|valor iva
        |valor do iva|podatek|kwota vat|podatek vat|wartosc vat""",
    "Total": """
        total|gross|gross amount|total amount|amount after tax|line total|grand total|total incl tax|total inc tax
        |amount incl tax|inc gst|inc vat|total inc gst|total inc vat|gross total|brutto|bruttobetrag|gesamt
        |gesamtbetrag|summe|summe brutto|betrag brutto|gesamt brutto|endbetrag|montant ttc|total ttc|ttc
        |importe total|total factura|total con iva|totaal|totaal incl btw|bedrag incl btw|incl btw|bruto|brutobedrag
        |totale|importo totale|totale lordo|lordo|totale ivato|total geral|valor total|valor bruto|total com iva
        |wartosc brutto|kwota brutto|razem|suma""",
    "BillingId": """
        billing id|billing period|billing period id|period|period id|abrechnungszeitraum|periode|periodo|okres""",
    "BillingPeriodStartDate": """
        billing period start date|billing period start|period start|period from|billing start|periode von
        |abrechnungszeitraum von|debut periode|inicio periodo|periode van|inizio periodo|poczatek okresu""",
    "BillingPeriodEndDate": """
        billing period end date|billing period end|period end|period to|billing end|periode bis
        |abrechnungszeitraum bis|fin periode|fin periodo|periode tot|fine periodo|fim periodo|koniec okresu""",
    "CustomerCountry": """
        country|customer country|country code|billing country|land|landeskennzeichen|lander code|pays|code pays|pais
        |landcode|paese|nazione|kraj|kod kraju""",
    "CustomerEmail": """
        email|e mail|mail|customer email|email address|billing email|contact email|e mail adresse|courriel
        |adresse email|correo|correo electronico|mailadres|e mailadres|indirizzo email|posta elettronica|adres email""",
    "PurchaseOrderNumber": """
        purchase order number|purchase order|po|po number|po no|customer po|order reference|your reference|your ref
        |bestellnummer|bestellnr|ihre bestellung|ihre referenz|numero de commande|bon de commande|commande
        |no commande|numero de pedido|pedido|orden de compra|inkoopordernummer|inkooporder|bestelnummer
        |uw referentie|numero ordine|ordine|ordine d acquisto|numero do pedido|encomenda|numer zamowienia
        |nr zamowienia|zamowienie""",
    "InvoiceEntity": """
        invoice entity|invoiced to|billed entity|bill to type""",
    "ResellerName": """
        reseller|reseller name|indirect reseller|partner|partner name|wiederverkaufer|revendeur|revendedor
        |wederverkoper|rivenditore|revenda|sprzedawca|odsprzedawca""",
    "ChargeStartDate": """
        charge start date|service from|from|start|start date|service start|period of service from|usage start
        |date from|von|leistung von|leistungsbeginn|beginn|startdatum|ab|du|debut|date debut|date de debut|desde
        |inicio|fecha inicio|fecha de inicio|van|begindatum|ingangsdatum|dal|inizio|data inizio|de|data de inicio
        |data inicio|od|data od|poczatek|data rozpoczecia""",
    "ChargeEndDate": """
        charge end date|service to|to|end|end date|service end|until|usage end|date to|bis|leistung bis
        |leistungsende|ende|enddatum|au|fin|date fin|date de fin|hasta|fecha fin|fecha de fin|tot|einddatum|t m|al
        |fine|data fine|ate|fim|data de fim|data fim|do|data do|koniec|data zakonczenia""",
    "SubscriptionID": """
        subscription id|subscription|subscription guid|contract|contract id|abonnement|abo|abonnement id|suscripcion
        |abbonamento|assinatura|subskrypcja|umowa|vertrag|vertragsnummer""",
}
# What says of an amount that tax is in it, or is not.
_WITH_TAX = """
    gross incl inkl inc including inclusive after brut bruto ttc lordo ivato con com avec mit with taxed"""
_WITHOUT_TAX = """
    net nett neto netta netto sub subtotal before pre pretax excl exkl ex excluding exclusive untaxed taxable ht hors
    sans sin senza sem bez ohne imponible imponibile base liquido"""
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_SIGNS = {"%": " percent ", "#": " no ", "№": " no ", "º": "o", "°": "o"}
_FOLDED = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae"})


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a column's name, without capitals, accents and punctuation: "UnitPrice" is "unit", "price",
    and "MwSt.-Satz (%)" is "mwst", "satz", "percent"."""
    for sign, word in _SIGNS.items():
        name = name.replace(sign, word)
    plain = unicodedata.normalize("NFKD", name.translate(_FOLDED))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    # Names in one case hold no words to be told apart by it.
    text = plain.lower() if plain.isupper() else plain.replace("MwSt", "mwst").replace("USt", "ust")
    return tuple(word.lower() for word in _WORD.findall(text))


def likeness(field: str, name: str) -> float:
    """Return how sure a column's name says that it is `field`: 1 for one of its names, 0 for nothing in common."""
    words = words_of(name)
    joined = "".join(words)
    if not joined:
        return 0.0
    if joined == "".join(words_of(field)):
        return 1.0
    return max((_alike(names, words, joined) for names in _names_of(field)), default=0.0)


def includes_tax(name: str) -> bool | None:
    """Return whether a column's name says that tax is in its amounts, or that it is not; None when it says neither."""
    words = words_of(name)
    # German writes Nettobetrag.
    if {*_WITHOUT_TAX.split()}.intersection(words) or any("netto" in word for word in words):
        return False
    return True if {*_WITH_TAX.split()}.intersection(words) or any("brutto" in word for word in words) else None


def _alike(names: tuple[str, ...], words: tuple[str, ...], joined: str) -> float:
    if "".join(names) == joined:
        return 0.95
    if names and set(names) <= set(words):
        return 0.3 + 0.5 * len(names) / len(words)
    return 0.0


@lru_cache(maxsize=64)
def _names_of(field: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(" ".join(name.split()).split()) for name in _NAMES.get(field, "").split("|"))
