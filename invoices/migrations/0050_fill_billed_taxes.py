from django.db import migrations

FILL = """
INSERT INTO invoices_billedtax (customer_id, bill_to_id, tax_name, tax_percentage, lines)
SELECT invoice.customer_id, invoice.bill_to_id, line.tax_name, line.tax_percentage, COUNT(*)
FROM invoices_invoiceline line JOIN invoices_invoice invoice ON invoice.id = line.invoice_id
GROUP BY invoice.customer_id, invoice.bill_to_id, line.tax_name, line.tax_percentage
"""


class Migration(migrations.Migration):
    dependencies = [("invoices", "0049_billed_tax")]

    operations = [migrations.RunSQL(FILL, "DELETE FROM invoices_billedtax")]
