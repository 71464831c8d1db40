"""More answers of every kind, in the form of `answer_table`: how people and models vary them, hedge them and restate the question."""

# Lines as long as they are: a line is a true answer with all that is compared with it.
# ruff: noqa: E501, RUF001
TABLE = r"""
1000 ;; 1,000 ;; 1{,}000 ;; 1\,000 ;; 1 000 ;; 1000. ;; 1000.0 ;; 1\;000 ;; 1\:000 ;; 1~000 ;; 1\!000 ;; 1,\!000 ;; \$1,000 ;; 10^3 ;; 1e3 ;; 1E3 ;; 1.0\times10^3 ;; $1000$ ;; 1\mathord{,}000 ;; 1'000 ;; +1000 || 1,0000 ;; 10,00 ;; 1.000 ;; 1,000,0 ;; 100 ;; 1,000,000 ;; 1, 000 ;; 1;000 ;; -1000 ;; 1 0 0 0
1,000 ;; 1000 ;; 1{,}000 || 1.000 ;; 1 ;; 0
12,345,678 ;; 12345678 ;; 12 345 678 ;; 12\,345\,678 ;; 1.2345678\times10^7 || 12345,678 ;; 12345679 ;; 12.345.678
-7 ;; −7 ;; –7 ;; - 7 ;; -7.0 ;; (-7) ;; -(7) ;; \text{negative }7 ;; minus 7 ;; $-7$ ;; {-7} ;; -{7} ;; x = -7 ;; -\frac{7}{1} ;; ‑7 ;; -7. ;; \left(-7\right) ;; -\,7 ;; 7-14 || 7 ;; +7 ;; --7 ;; |−7| ;; \pm7 ;; 7- ;; ~7 ;; -77 ;; -0.7 ;; \neg 7 ;; \mp 7
7 ;; -(-7) ||
\pm 4 ;; 4,-4 ;; -4,4 ;; -4 \text{ and } 4 ;; \pm4.0 ;; \{-4,4\} ;; x=\pm 4 ;; 4\text{ or }-4 ;; +4, -4 ;; \pm\sqrt{16} ;; ±4 ;; \mp4 ;; \pm 2^2 ;; 4 \text{ and } -4 || 4 ;; -4 ;; \pm 5 ;; 0 ;; 8 ;; \pm 4, 0 ;; 16 ;; |4| ;; \pm\pm4
3\pm\sqrt{5} ;; 3+\sqrt5, 3-\sqrt5 ;; x=3\pm\sqrt{5} ;; 3\mp\sqrt5 ;; \{3-\sqrt5,3+\sqrt5\} ;; 3 ± √5 ;; 3-\sqrt5 \text{ and } 3+\sqrt5 ;; x_1=3+\sqrt5, x_2=3-\sqrt5 ;; x=3+\sqrt{5}\text{ or }x=3-\sqrt{5} || 3+\sqrt5 ;; 3-\sqrt5 ;; \pm\sqrt5 ;; 3\pm5 ;; -3\pm\sqrt5 ;; 3,\sqrt5 ;; 3\pm\sqrt{5},0
0 ;; 0.0 ;; +0 ;; 0.000 ;; \$0 ;; 00 ;; 0\text{ units} ;; 0/5 ;; \frac{0}{7} ;; 0e5 ;; \sqrt{0} ;; 5-5 || 0/0 ;; \frac{1}{0} ;; 10^{-9} ;; \varnothing ;; 0,0 ;; (0,0) ;; 0! ;; e^0 ;; \cos 0
0.5 ;; .5 ;; 0.50 ;; 00.5 ;; 0{.}5 ;; 1/2 ;; \frac12 ;; 50\% ;; 5e-1 ;; 5\times10^{-1} ;; \frac{.5}{1} ;; 2^{-1} ;; 0.4\overline{9} || 5 ;; 0.05 ;; 50 ;; .05 ;; 0.5\% ;; 0.51 ;; -0.5 ;; 1:2 ;; 0.5.5
007 ;; 7 || 70
\frac{3}{4} ;; 3/4 ;; \frac34 ;; \dfrac{3}{4} ;; \tfrac{3}{4} ;; \cfrac{3}{4} ;; 0.75 ;; .75 ;; ¾ ;; \frac{6}{8} ;; 75\% ;; \frac{-3}{-4} ;; 3\div4 ;; 3 \over 4 ;; {3\over4} ;; \frac{3}4 ;; \frac 3{4} ;; \frac {3} {4} ;; 3\cdot4^{-1} ;; {3}/{4} ;; \left.\frac34\right. ;; (3)/(4) ;; \nicefrac{3}{4} ;; \sfrac{3}{4} ;; 3÷4 ;; 3∕4 ;; \frac{\frac{3}{2}}{2} ;; \frac{3}{4}. ;; \frac{75}{100} ;; 0.75000 ;; 1-\frac14 || \frac43 ;; \frac{3}{5} ;; 34 ;; 3.4 ;; 0.7 ;; 0.8 ;; 3:4 ;; -\frac34 ;; \frac{3}{4}x ;; 3 4 ;; (3,4) ;; \frac{3}{-4} ;; 1\frac34 ;; \frac{7}{5}
-\frac{2}{9} ;; \frac{-2}{9} ;; \frac{2}{-9} ;; -2/9 ;; -(2/9) ;; -0.\overline{2} ;; -0.222\ldots ;; -\dfrac29 ;; − 2/9 ;; \left(-\frac29\right) || \frac29 ;; -\frac92 ;; -0.22 ;; -0.2
\frac{1}{3} ;; 0.\overline{3} ;; 0.\bar{3} ;; 0.3\bar{3} ;; 0.333... ;; 0.3333… ;; 0.(3) ;; 0.\dot3 ;; ⅓ ;; \frac{1}{3}=0.\overline{3} ;; \frac{1}{3} \approx 0.333 ;; 0.33\overline{3} ;; .\overline{3} ;; 0.\overline{333} ;; 33\frac13\% ;; 33.\overline{3}\% ;; 3^{-1} ;; 1/3 \approx 0.33 || 0.33 ;; 0.3 ;; 0.3\overline{0} ;; 0.34 ;; 33\% ;; 33.3\% ;; 3 ;; 0.\overline{13} ;; 0.333333...4 ;; 0.3\ldots1
\frac{22}{7} ;; 3\frac{1}{7} ;; 3 1/7 ;; 3\ \frac17 ;; 3.\overline{142857} ;; 3+\frac17 ;; 3-1/7+2/7 || \pi ;; 3.14 ;; \frac{3}{7} ;; \frac{31}{7} ;; 3\cdot\frac17 ;; 3, \frac17
1\frac{2}{3} ;; \frac53 ;; 1.\overline{6} ;; 1 2/3 ;; 1⅔ ;; 1 ⅔ ;; 1{\frac{2}{3}} ;; 1\dfrac{2}{3} ;; 1\tfrac23 ;; 1 \frac{2}{3} ;; 1-2/3+4/3 ;; 1 + 2/3 ;; \text{1 }\frac{2}{3} ;; 1\frac{4}{6} ;; 1\,2/3 || \frac23 ;; \frac{12}{3} ;; 4 ;; 12/3 ;; 1.67 ;; 1.6 ;; -1\frac23 ;; 1\frac32 ;; 1\times\frac{2}{3}
-2\frac{1}{2} ;; -2.5 ;; -\frac52 ;; -(2\frac12) ;; -2 1/2 ;; -2½ || -1.5 ;; -\frac32 ;; 2.5 ;; -1
0.1\overline{6} ;; \frac16 ;; 0.1666\ldots ;; 0.1\bar6 ;; 0.1(6) ;; 0.1\dot{6} || 0.\overline{16} ;; 0.16 ;; 0.17 ;; \frac{16}{99} ;; \frac{1}{60}
0.\overline{09} ;; \frac{1}{11} ;; 0.0\overline{90} ;; 0.0909\ldots ;; 0.090909... || 0.09 ;; \frac{1}{10} ;; 0.\overline{9} ;; 0.0\overline{9} ;; 1
2.5 ;; 2.4\overline{9} ;; 2.4999... ;; \frac52 || 2.49 ;; 2.4999
25\% ;; 25 ;; 0.25 ;; \frac14 ;; 25 percent ;; 25\text{ percent} ;; 25.0\% ;; 25\text{%} ;; 25% ;; \frac{25}{100} ;; 25{\%} ;; x=25\% ;; \text{25\%} ;; \textbf{25\%} ;; 25\,\% ;; ¼ || 2.5 ;; 2500\% ;; 0.25\% ;; 0.0025 ;; 75\% ;; 52 ;; 4 ;; 25\text{ dollars} ;; 25 cm
0.08 ;; 8\% ;; 8 percent ;; \frac{2}{25} || 8 ;; 0.8 ;; 0.08\% ;; 80\%
37.5\% ;; 37.5 ;; \frac38 ;; 0.375 ;; 37\frac12\% ;; 37½\% || 3.75 ;; 37\% ;; 38\%
66\frac{2}{3}\% ;; \frac23 ;; 66\frac23 ;; 66.\overline{6}\% ;; 66.\overline6 || 66\% ;; 67\% ;; 66.67\%
100\% ;; 1 ;; 100 || 10 ;; 1\% ;; 0.1
1 || 100
\$5 ;; 5 ;; 5\text{ dollars} ;; \$5.00 ;; 5 USD ;; USD 5 ;; US\$5 ;; \text{\$}5 ;; 5\$ ;; \text{\$5} ;; $5 ;; 5 bucks ;; 500\text{ cents} ;; 500¢ ;; 5\text{ dollars and }0\text{ cents} || €5 ;; £5 ;; 5¢ ;; 5\text{ cents} ;; \$50 ;; \$0.05 ;; 500 ;; -\$5 ;; ¥5 ;; 5\text{ pounds} ;; 5 euros
5 ;; \$5 ;; £5 ;; €5.00 ;; 5 dollars || \$0.05
\$1,234.50 ;; 1234.5 ;; 1,234.50 ;; \$1234.50 ;; 1234.50\text{ dollars} || \$1,234.05 ;; \$1.2345 ;; 1234
\text{€}12 ;; 12 ;; €12 ;; 12€ ;; 12\text{ euros} ;; 12 EUR || \$12 ;; £12 ;; 21
12\text{ cents} ;; 12 ;; 12¢ ;; \$0.12 || \$12 ;; 12 dollars
-\$40 ;; \$-40 ;; -40 ;; -40\text{ dollars} ;; -\$40.00 || \$40 ;; 40
5\text{ cm} ;; 5 ;; 5cm ;; 5 cm ;; 5\,cm ;; 5\mathrm{cm} ;; 5\text{ centimetres} ;; 5\text{ centimeters} ;; 50\text{ mm} ;; 0.05\text{ m} ;; 5\mbox{ cm} ;; 5\textrm{ cm} ;; 5\ \text{cm}. ;; 5~\text{cm} ;; \text{5 cm} ;; 5\,\rm{cm} ;; 5\text{cm long} || 5 m ;; 5\text{ km} ;; 5\text{ cm}^2 ;; 5\text{ in} ;; 50\text{ cm} ;; 5 kg ;; 5\text{ s} ;; 5\text{ mm} ;; 5\text{ cm/s}
1\text{ m} ;; 1 ;; 1 meter ;; 100 cm ;; 1000\text{ mm} ;; 0.001\text{ km} || 1 km ;; 1\text{ cm} ;; 1 mile ;; 1 minute ;; 100
1\text{ km} ;; 1000\text{ m} ;; 1 || 1\text{ m} ;; 1000
10\text{ AM} ;; 10 AM ;; 10 am ;; 10:00 AM ;; 10\text{ a.m.} ;; 10:00\text{ a.m.} ;; 10{:}00 AM ;; 10 || 10 PM ;; 10:30 AM ;; 22:00 ;; 10 p.m. ;; 10:00 PM ;; 1 AM
2{:}15 ;; 2:15 ;; 2:15\text{ PM} ;; 02:15 || 2:51 ;; 2.15 ;; 215 ;; 15:2 ;; 2:15:30
9:05\text{ PM} ;; 9:05 PM ;; 9:05 ;; 9:05 p.m. ;; 9:05pm || 9:05 AM ;; 9:50 PM ;; 21:50 ;; 9:5
72\text{ km/h} ;; 72 ;; 72 km/h ;; 72\text{ km per hour} ;; 72\text{ kilometers per hour} ;; 20\text{ m/s} ;; 72\,\frac{\text{km}}{\text{h}} ;; 72\text{ kph} ;; 72\text{ km/hr} ;; 72 \text{ km} \cdot \text{h}^{-1} || 72\text{ mph} ;; 72\text{ m/s} ;; 72 km ;; 72 h
3\text{ hours} ;; 3 ;; 180\text{ minutes} ;; 3 hrs ;; 3h ;; 3\text{ hr} || 3\text{ minutes} ;; 180 ;; 3\text{ days}
90\text{ minutes} ;; 90 ;; 1.5\text{ hours} ;; 1\frac12\text{ hours} ;; 90 min ;; 5400\text{ seconds} || 1.5 ;; 90\text{ hours} ;; 9
2\text{ hours} 30\text{ minutes} ;; 2\text{ hours }30\text{ minutes} ;; 2 hours 30 minutes ;; 2\text{ hours and }30\text{ minutes} ;; 2.5\text{ hours} ;; 150\text{ minutes} || 2 ;; 30 ;; 2\text{ hours }3\text{ minutes} ;; 3\text{ hours }20\text{ minutes} ;; 2 hours ;; 230
6\text{ ft }2\text{ in} ;; 74\text{ in} ;; 6 feet 2 inches || 6 ;; 62 ;; 6\text{ ft}
20\text{ cm}^2 ;; 20 ;; 20\text{ cm}^{2} ;; 20 cm² ;; 20\text{ square centimeters} ;; 20\text{ sq cm} ;; 20\text{ cm squared} ;; 20\ \mathrm{cm^2} ;; 20\text{ cm²} ;; 20\text{ cm}^2. || 20\text{ cm} ;; 20\text{ cm}^3 ;; 20\text{ m}^2 ;; 400 ;; 20^2 ;; 20\text{ inches}^2
8\text{ cubic feet} ;; 8 ;; 8\text{ ft}^3 ;; 8\text{ feet}^3 ;; 8\text{ cu ft} || 8\text{ ft} ;; 8\text{ ft}^2 ;; 8\text{ m}^3
15\pi\text{ cm}^3 ;; 15\pi ;; 15π cm³ ;; 15\pi\,\mathrm{cm}^3 || 15 ;; 15\pi\text{ cm}^2 ;; 51\pi
12\text{ apples} ;; 12 ;; 12 apples ;; 12\text{ apple} ;; 12\text{ green apples} ;; \text{12 apples} || 12\text{ pears} ;; 21 ;; 13 apples
6\text{ people} ;; 6 ;; 6 persons ;; 6 || 6\text{ dogs}
7\text{ days} || 7\text{ weeks} ;; 7\text{ hours}
60\text{ mi/h} ;; 60 mph ;; 60 ;; 60\text{ miles/hour} ;; 60\text{ miles/hr} || 60 m/h ;; 60 km/h
450\text{ g} ;; 450 ;; 0.45\text{ kg} ;; 450 grams || 450\text{ kg} ;; 450 lb ;; 45\text{ g}
2\text{ L} ;; 2 ;; 2\text{ liters} ;; 2\ell ;; 2000\text{ mL} ;; 2\text{ litres} || 2\text{ mL} ;; 2000 ;; 2\text{ kg}
60^\circ ;; 60 ;; 60° ;; 60^{\circ} ;; 60\degree ;; 60 degrees ;; 60\text{ degrees} ;; 60^\circ. ;; \theta = 60^\circ ;; \angle ABC = 60^\circ ;; 60^{\circ } ;; 60 ^\circ ;; {60}^{\circ} ;; 60.0^\circ ;; 60˚ ;; 60º ;; 60\text{°} ;; (60)^\circ ;; 60^{\text{o}} ;; m\angle A = 60^\circ || 6^\circ ;; 61^\circ ;; 120^\circ ;; 60^\circ C ;; 60\text{ rad} ;; 60' ;; 60^0 ;; \cos 60^\circ ;; -60^\circ ;; 60^\circ 30'
22.5^\circ ;; 22.5 ;; \frac{45}{2}^\circ ;; 22\frac12^\circ ;; 22^\circ 30' ;; 22.5° || 22 ;; 225 ;; 22.50'
98.6^\circ F ;; 98.6 ;; 98.6°F ;; 98.6^\circ\text{F} ;; 98.6\text{ degrees Fahrenheit} ;; 98.6^\circ\mathrm{F} || 98.6°C ;; 37 ;; 37°C ;; 98.6\text{ K}
-40^\circ\text{C} ;; -40 ;; -40°C || 40 ;; -40°F ;; 40°C
6.02\times10^{23} ;; 6.02 \times 10^{23} ;; 6.02e23 ;; 6.02E23 ;; 6.02\cdot10^{23} ;; 6.02 × 10^23 ;; 6.02×10²³ ;; 602\times10^{21} ;; 0.602\times10^{24} ;; 6.02*10^{23} ;; 6.02e+23 ;; 6.02 x 10^{23} ;; 6.02\times{10}^{23} ;; 6.02(10^{23}) ;; 6.02\times 10^{23}\text{ molecules} ;; 6.02 X 10^{23} || 6.02\times10^{22} ;; 6.02\times10^{-23} ;; 6.2\times10^{23} ;; 6.02 ;; 10^{23} ;; 6.022\times10^{23} ;; 6\times10^{23} ;; 6.02\times1023 ;; 6.02\times10\times23
1.5\times10^{-9} ;; 1.5e-9 ;; 0.0000000015 ;; \frac{3}{2}\times10^{-9} ;; 15\times10^{-10} ;; 1.5\times 10^{-9}\text{ m} || 1.5\times10^{-8} ;; 1.5\times10^9 ;; 0 ;; 1.4\times10^{-9} ;; 1.5
10^{-12} ;; 1e-12 ;; \frac{1}{10^{12}} || 10^{-13} ;; 2\times10^{-12} ;; 0 ;; 9.99\times10^{-13}
\frac{1}{20!} ;; \frac{1}{20\cdot19!} ;; (20!)^{-1} || \frac{1}{21!} ;; \frac{1}{19!} ;; 0
2^{-60} ;; \frac{1}{2^{60}} ;; 0.5^{60} || 2^{-61} ;; 2^{-59} ;; 0 ;; 3^{-60}
2^{100} ;; 4^{50} ;; 1267650600228229401496703205376 ;; 1024^{10} || 1267650600228229401496703205377 ;; 1.2676506\times10^{30} ;; 2^{99} ;; 100^2
\frac{2^{50}-1}{2^{50}} ;; 1-2^{-50} ;; 1-\frac{1}{2^{50}} || 1 ;; 1-2^{-51} ;; \frac{2^{50}+1}{2^{50}}
123456789123 ;; 123,456,789,123 || 123456789124 ;; 1.23456789\times10^{11}
\sqrt{12} ;; 2\sqrt{3} ;; 2√3 ;; √12 ;; 12^{1/2} ;; 2\cdot 3^{0.5} ;; 2\cdot\sqrt 3 ;; \sqrt[2]{12} ;; \sqrt{4}\cdot\sqrt{3} ;; \frac{6}{\sqrt3} ;; 2*\sqrt{3} ;; 2sqrt(3) ;; 2\sqrt(3) ;; \sqrt{12}\text{ units} ;; 2{\sqrt{3}} ;; 3.46410162 || \sqrt{6} ;; 3\sqrt{2} ;; 3.46 ;; 2\sqrt{3}i ;; \pm 2\sqrt3 ;; -2\sqrt3 ;; 12 ;; 6 ;; \sqrt[3]{12}
\frac{1}{\sqrt{2}} ;; \frac{\sqrt{2}}{2} ;; \sqrt{\frac12} ;; \sqrt{0.5} ;; 2^{-\frac12} ;; \sin45^\circ ;; \cos\frac{\pi}{4} ;; √½ ;; √2/2 ;; 1/√2 ;; \frac{√2}{2} || \sqrt2 ;; 0.71 ;; \frac12 ;; \frac{2}{\sqrt2} ;; \sin 45
∛27 ;; 3 ;; \sqrt[3]{27} || 9 ;; 27
∜16 ;; 2 ;; \sqrt[4]{16} || 4
\sqrt[3]{2}+\sqrt[3]{4} ;; 2^{1/3}+2^{2/3} ;; \sqrt[3]4+\sqrt[3]2 || \sqrt[3]{6} ;; \sqrt2+\sqrt4
\sqrt{7-4\sqrt3} ;; 2-\sqrt3 || 2+\sqrt3 ;; \sqrt3-2
2\pi ;; 2π ;; \pi\cdot 2 ;; 2 \pi ;; 2*pi ;; 6.283185307 ;; 2\cdot\pi ;; 2{\pi} || 2\pi r ;; \pi ;; 6.28 ;; \pi^2 ;; 2+\pi ;; 2p ;; 2\pi i
x^2+2x+1 ;; (x+1)^2 ;; 1+2x+x^2 ;; x²+2x+1 ;; (1+x)^2 ;; (x+1)(x+1) ;; x(x+2)+1 ;; x^{2}+2x+1 ;; x**2+2*x+1 ;; x \cdot x+2x+1 || x^2+2x-1 ;; (x-1)^2 ;; x^2+1 ;; y^2+2y+1 ;; (x+1)^3 ;; x^2+2x+1=0 ;; (X+1)^2
2x ;; 2\cdot x ;; x+x ;; 2*x ;; \frac{4x}{2} ;; 2{x} ;; x\cdot2 ;; x \times 2 || x^2 ;; 2y ;; 2 ;; x ;; 2+x ;; 2X ;; x_2
-x+3 ;; 3-x ;; -(x-3) ;; -1x+3 || x-3 ;; x+3 ;; -x-3 ;; 3
\frac{a}{b} ;; a/b ;; ab^{-1} ;; \frac{ac}{bc} ;; a\div b || \frac{b}{a} ;; ab ;; \frac{A}{B} ;; a:b
a^{m+n} ;; a^m a^n ;; a^n\cdot a^m || a^{mn} ;; a^m+a^n
x^{1/2} ;; \sqrt{x} ;; √x ;; x^{0.5} ;; x^{\frac{1}{2}} || x/2 ;; 2x ;; x^2 ;; -\sqrt{x} ;; \pm\sqrt{x}
\frac{1}{x} ;; x^{-1} ;; 1/x || -x ;; x ;; \frac{1}{x^2} ;; \frac{1}{y}
|x| ;; \sqrt{x^2} ;; |-x| ;; \left|x\right| ;; \lvert x \rvert ;; \vert x\vert || x ;; -x ;; \pm x ;; x^2 ;; |y|
\log_2 8 ;; 3 ;; \log_{2}{8} ;; \log_2(8) || \log_8 2 ;; 4 ;; \frac13
\ln 6 ;; \ln 2+\ln 3 ;; \ln(6) ;; \log_e 6 || \ln2\cdot\ln3 ;; \ln 5 ;; \log_{10} 6 ;; \log_2 6
\log 100 ;; 2 || 10
\sin^2\theta ;; 1-\cos^2\theta ;; (\sin\theta)^2 ;; \frac{1-\cos2\theta}{2} || \sin\theta^2 ;; \sin2\theta ;; \cos^2\theta ;; \sin^2 x
2\sin x\cos x ;; \sin 2x ;; \sin(2x) || \sin x ;; 2\sin x ;; \cos 2x
\arctan\frac{1}{2} ;; \tan^{-1}\frac12 ;; \arctan(1/2) ;; \arctan 0.5 ;; \cot^{-1} 2 ;; \text{arctan}\frac12 || \arctan 2 ;; \tan\frac12 ;; \frac12
\frac{n(n+1)(2n+1)}{6} ;; \frac{2n^3+3n^2+n}{6} ;; \frac{1}{6}n(n+1)(2n+1) || \frac{n(n+1)}{2} ;; \frac{n(n+1)(2n-1)}{6} ;; \frac{n^2(n+1)^2}{4}
5! ;; 120 ;; 5\cdot4! ;; 1\cdot2\cdot3\cdot4\cdot5 || 5 ;; 24 ;; 25
\binom{6}{2} ;; 15 ;; {6\choose 2} ;; \frac{6!}{2!4!} ;; \dbinom62 ;; \tbinom{6}{4} || 30 ;; \frac62 ;; 12
(a+b)^3 ;; a^3+3a^2b+3ab^2+b^3 || a^3+b^3 ;; (a+b)^2 ;; (a-b)^3
xyz ;; zyx ;; x y z ;; x\cdot y\cdot z || xy ;; x+y+z ;; XYZ
\phi ;; \varphi || \theta
\frac{1+\sqrt5}{2} ;; \frac{\sqrt5+1}{2} ;; 2\cos36^\circ ;; \frac12+\frac{\sqrt5}{2} || \frac{1-\sqrt5}{2} ;; 1.618 ;; \frac{1+\sqrt5}{4}
e^{i\pi} ;; -1 || 1 ;; i
\ln e^3 ;; 3 || e^3
\max(3,7) ;; 7 || 3
\lfloor 3.7\rfloor ;; 3 || 4 ;; 3.7
7\bmod 3 || 7
3+4i ;; 4i+3 ;; 3+4\mathrm{i} ;; 3 + 4 i ;; 3+4\cdot i ;; (3+4i) ;; z=3+4i ;; 3+i\cdot4 ;; \frac{6+8i}{2} ;; 3+4\imath ;; (2+i)^2 || 3-4i ;; 4+3i ;; 7i ;; 7 ;; 5 ;; -3+4i ;; 3+4 ;; (3,4) ;; 3+4x ;; 3+4j
-i ;; \frac{1}{i} ;; -1i || -j
\pm i ;; i,-i ;; -i, i ;; i \text{ and } -i || i ;; -i ;; \pm1
\frac{1}{2}+\frac{\sqrt3}{2}i ;; \frac{1+i\sqrt3}{2} ;; \frac{1+\sqrt{3}i}{2} ;; e^{\frac{i\pi}{3}} ;; \cos60^\circ+i\sin60^\circ ;; 0.5+\frac{\sqrt3}{2}i ;; \operatorname{cis}60^\circ ;; \exp(i\pi/3) ;; \cos\frac\pi3+i\sin\frac\pi3 || \frac12-\frac{\sqrt3}{2}i ;; e^{i\pi/6} ;; \frac{\sqrt3}{2}+\frac12i ;; \frac12
2e^{i\pi/4} ;; \sqrt2+\sqrt2i ;; \sqrt2(1+i) ;; 2\operatorname{cis}\frac{\pi}{4} ;; 2\left(\cos\frac{\pi}{4}+i\sin\frac{\pi}{4}\right) ;; \sqrt2+i\sqrt2 || 2 ;; \sqrt2-\sqrt2i ;; 2e^{-i\pi/4}
1+2i, 1-2i ;; 1\pm2i ;; 1-2i, 1+2i ;; \{1+2i,1-2i\} ;; x=1\pm 2i || 1+2i ;; 2\pm i ;; -1\pm2i
\sqrt{-9} ;; 3i || -3 ;; 3 ;; -3i
|3+4i| ;; 5 || 7 ;; 25
\overline{z} ;; \bar{z} || z
a+bi ;; bi+a ;; a+ib || a-bi ;; ab+i
(1,2) ;; (1, 2) ;; 1<x<2 ;; \left(1,2\right) ;; (1.0,2.0) ;; \{x:1<x<2\} ;; x>1\text{ and }x<2 ;; 1 < x < 2 ;; (1;2) ;; \big(1,2\big) ;; 1 \lt x \lt 2 || (1,2] ;; [1,2) ;; 1\le x\le2 ;; (2,1) ;; (1,3) ;; 1.2 ;; (1,2,3) ;; (-1,2) ;; 1.5 ;; (0,3)
[0,1) ;; 0\le x<1 ;; 0 \leq x < 1 ;; x\in[0,1) ;; [0;1) ;; [0,1[ ;; 1>x\ge0 ;; \{x\in\mathbb{R}:0\le x<1\} ;; \{x\in\mathbb{R}\mid0\le x<1\} ;; 0≤x<1 ;; \left[0,1\right) ;; x \ge 0 \land x < 1 ;; \lbrack 0,1) || (0,1) ;; [0,1] ;; (0,1] ;; 0<x<1 ;; 0\le x\le1 ;; [1,0) ;; 0 ;; [0,2) ;; \{0,1\}
(-\infty,3] ;; x\le3 ;; 3\ge x ;; x \leq 3 ;; (-∞,3] ;; \left(-\infty,3\right] ;; x\in(-\infty,3] ;; ]-\infty,3] ;; x\leqslant3 ;; x<=3 ;; x =< 3 ;; -\infty<x\le3 || (-\infty,3) ;; x<3 ;; [3,\infty) ;; x\ge3 ;; (-\infty,-3] ;; 3 ;; [-\infty,3) ;; (\infty,3]
(-\infty,0)\cup(4,\infty) ;; x<0\text{ or }x>4 ;; (4,\infty)\cup(-\infty,0) ;; x>4\text{ or }x<0 ;; x<0, x>4 ;; (-\infty,0)\bigcup(4,\infty) ;; (-\infty, 0) \text{ or } (4, \infty) ;; (-\infty,0), (4,\infty) ;; \mathbb{R}\setminus[0,4] ;; x\in(-\infty,0)\cup(4,\infty) ;; x\notin[0,4] ;; x<0 \text{ and } x>4 ;; (−∞,0)∪(4,∞) ;; (-\infty,0) \text{ and } (4,\infty) || (0,4) ;; (-\infty,0]\cup[4,\infty) ;; x<0 ;; (-\infty,4)\cup(0,\infty) ;; \mathbb{R} ;; (-\infty,0)\cap(4,\infty) ;; [0,4]
x\ge-2 ;; -2\le x ;; [-2,\infty) ;; x\geq-2 ;; x≥−2 ;; [-2,+\infty) ;; [-2, \infty[ || x>-2 ;; x\ge2 ;; x\le-2 ;; (-2,\infty) ;; -2 ;; y\ge-2 ;; x\ge-2.1
x\ne0 ;; x\neq 0 ;; (-\infty,0)\cup(0,\infty) ;; \mathbb{R}\setminus\{0\} ;; x \in \mathbb{R}, x \neq 0 ;; \mathbb{R}-\{0\} ;; \mathbb{R}\backslash\{0\} ;; \{x\mid x\ne0\} ;; x\not=0 ;; x<0 \text{ or } x>0 || x=0 ;; 0 ;; \mathbb{R} ;; x\ne1 ;; x>0
\mathbb{R} ;; (-\infty,\infty) ;; ℝ ;; \text{all real numbers} ;; x\in\mathbb{R} ;; -\infty<x<\infty ;; \R ;; \text{All reals} ;; all real numbers || \mathbb{Z} ;; \mathbb{C} ;; (0,\infty) ;; R ;; \mathbb{Q} ;; \emptyset
[1,2]\cup[3,4] ;; [3,4]\cup[1,2] ;; 1\le x\le2\text{ or }3\le x\le4 || [1,4] ;; [1,2]\cap[3,4] ;; (1,2)\cup(3,4) ;; [1,2],[3,5]
|x|<2 ;; -2<x<2 ;; (-2,2) ;; 2>|x| || |x|>2 ;; |x|\le2 ;; x<2 ;; (-2,2] ;; (0,2)
|x-1|<2 || |x-1|\le2 ;; (-3,1)
x>2 ;; (2,\infty) ;; 2<x ;; x \in (2,\infty) || x>=2 ;; x<2 ;; 3 ;; x=3 ;; \infty ;; x\ne2
a<b ;; b>a || a>b ;; a\le b
x^2<4 ;; x^2-4<0 ;; 4>x^2 || x^2>4 ;; x<4
[2,2] ;; [2,2] || (2,2) ;; [2,3]
\left[-\frac{1}{2},\frac{3}{4}\right] ;; [-0.5,0.75] ;; -\frac12\le x\le\frac34 || [-0.5,0.74] ;; (-0.5,0.75)
[\sqrt2,2] ;; \sqrt2\le x\le2 ;; [2^{1/2},2] || [1.41,2] ;; [\sqrt3,2]
0<x<1 ;; (0,1) ;; 1>x>0 || 0<y<1 ;; 0<x ;; 0.5
(3,4) ;; (3, 4) ;; \left(3,4\right) ;; (3.0,4) ;; x=3,y=4 ;; (x,y)=(3,4) ;; x = 3 \text{ and } y = 4 ;; \langle3,4\rangle ;; (3;4) ;; \left( 3 , 4 \right) ;; A(3,4) ;; A=(3,4) ;; y=4,x=3 ;; \{x=3,y=4\} ;; (3,~4) ;; \begin{cases}x=3\\y=4\end{cases} ;; 3<x<4 || (4,3) ;; (3,4,5) ;; [3,4] ;; \{3,4\} ;; 3 ;; 34 ;; 3.4 ;; x=4,y=3 ;; (3,-4) ;; (3,4),(4,3) ;; 4,3 ;; 7
(1,2,3) ;; (1, 2, 3) ;; x=1,y=2,z=3 ;; \langle 1,2,3\rangle ;; a=1,b=2,c=3 ;; (a,b,c)=(1,2,3) ;; 1,2,3 || (3,2,1) ;; (1,2) ;; (1,2,3,4) ;; \{1,2,3\} ;; 123 ;; 6 ;; 3,2,1
(0,0) ;; (0, 0) || 0 ;; (0,1) ;; (0,0,0) ;; \{0\} ;; 0,0,0
(-1,\sqrt3) ;; (-1,3^{1/2}) ;; x=-1,y=\sqrt{3} || (1,\sqrt3) ;; (-1,-\sqrt3) ;; (\sqrt3,-1) ;; (-1,1.73)
(1,2),(3,4) ;; (1,2)\text{ and }(3,4) ;; (1,2);(3,4) ;; (1,2)\text{ or }(3,4) ;; (x,y)=(1,2),(3,4) ;; (x,y)=(1,2)\text{ or }(3,4) || (1,2) ;; (3,4) ;; (1,2),(3,5) ;; (2,1),(4,3)
(2,\frac{\pi}{3}) ;; (2,\pi/3) ;; \left(2,\frac{\pi}{3}\right) ;; r=2,\theta=\frac{\pi}{3} || (2,\pi) ;; (2,60) ;; (\frac{\pi}{3},2)
\{1,2,3\} ;; \{3,2,1\} ;; \{1, 2, 3\} ;; \left\{1,2,3\right\} ;; 1,2,3 ;; \lbrace1,2,3\rbrace ;; \{1;2;3\} ;; S=\{1,2,3\} ;; \{1,1,2,3\} ;; x\in\{1,2,3\} ;; \{x\mid x=1,2,3\} || (1,2,3) ;; [1,3] ;; \{1,2\} ;; \{1,2,3,4\} ;; \{1,2,4\} ;; 123 ;; 6 ;; [1,2,3] ;; \{\{1,2,3\}\}
1,2 ;; 2,1 ;; 1, 2 ;; 1 and 2 ;; 2 and 1 ;; 1 or 2 ;; x=1,2 ;; x=1,x=2 ;; x=1 or x=2 ;; x_1=1,x_2=2 ;; \{1,2\} ;; 1;2 ;; x = 1 \quad \text{or} \quad x = 2 ;; 1 \text{ \& } 2 ;; 1\text{, }2 ;; x\in\{1,2\} ;; x=2 \text{ and } x=1 ;; 1, \text{and } 2 || 1 ;; 2 ;; 12 ;; 1.2 ;; [1,2] ;; (2,1) ;; 3 ;; 1,2,3 ;; x=1,y=3 ;; 1+2 ;; 1\cdot2 ;; \frac12 ;; 1:2 ;; 1, 1, 2, 2 ;; 1-2
-3,0,5 ;; 0,5,-3 ;; \{-3,0,5\} ;; -3, 0, \text{ and } 5 ;; x=-3,0,5 || -3,5 ;; 3,0,5 ;; -3,0 ;; -305
2,3,5,7 ;; 7,5,3,2 ;; 2, 3, 5, and 7 ;; \text{2, 3, 5, and 7} || 2,3,5 ;; 2,3,5,9 ;; 2357 ;; 17 ;; 2,3,5,7,11
\emptyset ;; \varnothing ;; \{\ \} ;; Ø || 0 ;; \text{yes}
\{a,b,c\} ;; \{c,b,a\} ;; a,b,c || abc ;; \{a,b\} ;; \{A,B,C\}
\{1\} ;; 1 ;; \{1.0\} || \{2\} ;; \{1,2\} ;; \{\{1\}\}
\{2k : k\in\mathbb{Z}\} ;; \{2k \mid k \in \mathbb{Z}\} || \{k : k\in\mathbb{Z}\}
1, 2, 3, \ldots, 100 ;; 1,2,3,\dots,100 ;; 1, 2, 3, ..., 100 || 1,2,3,\ldots,99 ;; 100 ;; 1,2,3 ;; 1,100
5,5 ;; 5, 5 || 5 ;; 55 ;; 5,6
1,1,2 ;; 2,1,1 ;; 1,2,1 || 1,2 ;; 1,2,2
x=7 ;; 7 ;; x = 7 ;; 7=x ;; x=\frac{14}{2} ;; x=7.0 ;; x\ =\ 7 ;; \text{x = 7} || x=8 ;; x=-7 ;; x>7 ;; x\ne7 ;; 7x ;; x+7 ;; x=7,8 ;; x=7y ;; x^2=7
y=2x+1 ;; 2x+1 ;; y=1+2x ;; y-2x=1 ;; 2x-y+1=0 ;; f(x)=2x+1 ;; y-1=2x ;; 2x+1=y ;; -2x+y=1 ;; y=2(x+\frac12) || y=2x-1 ;; x=2y+1 ;; 2x ;; y=2x+2 ;; y=x+1 ;; 2x+1=0 ;; z=2x+1 ;; y<2x+1 ;; 2y+1
x^2+y^2=25 ;; y^2+x^2=25 ;; x^2+y^2-25=0 ;; x^2+y^2=5^2 ;; 25=x^2+y^2 ;; 2x^2+2y^2=50 || x^2+y^2=5 ;; x^2-y^2=25 ;; 25 ;; x^2+y^2 ;; x+y=5 ;; x^2+y^2\le25 ;; (x+y)^2=25
2x+3y=6 ;; 6=2x+3y ;; 4x+6y=12 ;; 3y=6-2x ;; y=2-\frac23x ;; 2x+3y-6=0 ;; \frac{x}{3}+\frac{y}{2}=1 || 3x+2y=6 ;; 2x+3y=-6 ;; 2x-3y=6 ;; 6 ;; 2x+3y
A=\pi r^2 ;; \pi r^2 ;; A=r^2\pi ;; \pi r^2=A || 2\pi r ;; A=\pi r ;; \pi ;; A=\pi d^2
f(x)=x^2+1 ;; x^2+1 ;; f(x)=1+x^2 ;; y=x^2+1 || f(x)=x^2-1 ;; f(x)=x+1 ;; x^2 ;; f(x)=2x ;; x^2+1=0
a_n=3n-1 ;; 3n-1 ;; a_n=-1+3n ;; a_n=3(n-1)+2 || 3n+1 ;; a_n=n-1 ;; 2
\text{Area}=12 ;; 12 ;; A=12 ;; \text{area} = 12 || 13 ;; \text{Area}=21
P(X=2)=\frac{1}{4} ;; \frac14 ;; 0.25 || \frac12 ;; 2 ;; P(X=2)=\frac12
f(2)=5 ;; 5 || 2 ;; f(5)=2 ;; f(2)=6
3=3 ;; 3 || 4
8 ;; x=8 ;; 2^3=8 ;; 8=2^3 ;; 4+4=8 ;; 4\cdot2=8 ;; 16/2 = 8 ;; \text{Total}=8 ;; 8.0=8 || 8=9 ;; 9=8 ;; 7=8 ;; 8=7 ;; 2^3=9 ;; 4+4=9=8 ;; 8=8=9 ;; x=8=9 ;; 1=2=8 ;; 8\ne9 ;; 8\approx9 ;; 9\approx8 ;; 7 \to 8 ;; 8 \text{ or } 9 ;; 8/9 ;; 8,9 ;; \{8,9\} ;; [8,9] ;; 8\pm1 ;; 7<8<9 ;; x\ge8 ;; 8+0i+1 ;; 8+0\cdot\infty ;; 8\cdot\frac{0}{0} ;; \text{8 or 9} ;; \text{not 8} ;; 8 (or 9) ;; 8\text{ (or 9)} ;; 8/8.5 ;; 8; 9 ;; 8 | 9 ;; 8 \mid 9 ;; 8 \\ 9 ;; 8 \quad 9 ;; 8 \text{ if wrong } 9 ;; 8? 9 ;; x=8, x=9 ;; x = 8 \lor x = 9 ;; \neg 9 ;; 8\text{ maybe }9 ;; 7..9 ;; 7-9 ;; 7\text{ to }9 ;; \approx8.4 ;; 8 \sim 9 ;; n ;; a ;; k
\begin{pmatrix}1\\2\end{pmatrix} ;; \begin{bmatrix}1\\2\end{bmatrix} ;; \begin{pmatrix} 1 \\ 2 \end{pmatrix} ;; \left(\begin{array}{c}1\\2\end{array}\right) ;; \left[\begin{matrix}1\\2\end{matrix}\right] ;; \begin{pmatrix}1.0\\\frac42\end{pmatrix} ;; \mathbf{v}=\begin{pmatrix}1\\2\end{pmatrix} ;; \begin{pmatrix}1\\[4pt]2\end{pmatrix} ;; \begin{pmatrix}1\cr2\end{pmatrix} || \begin{pmatrix}2\\1\end{pmatrix} ;; \begin{pmatrix}1&2\end{pmatrix} ;; \begin{pmatrix}1\\2\\3\end{pmatrix} ;; 12 ;; \begin{pmatrix}1\\-2\end{pmatrix} ;; \{1,2\} ;; 2
\begin{pmatrix}1&2\\3&4\end{pmatrix} ;; \begin{bmatrix}1&2\\3&4\end{bmatrix} ;; \begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix} ;; \begin{pmatrix}1&2\\3&4\\\end{pmatrix} ;; \left(\begin{matrix}1&2\\3&4\end{matrix}\right) ;; \begin{pmatrix}1&2\\3&2^2\end{pmatrix} ;; \begin{smallmatrix}1&2\\3&4\end{smallmatrix} ;; \left(\begin{smallmatrix}1&2\\3&4\end{smallmatrix}\right) ;; M=\begin{pmatrix}1&2\\3&4\end{pmatrix} ;; \begin{pmatrix}1&2\newline3&4\end{pmatrix} || \begin{pmatrix}1&3\\2&4\end{pmatrix} ;; \begin{pmatrix}1&2\\3&5\end{pmatrix} ;; \begin{vmatrix}1&2\\3&4\end{vmatrix} ;; -2 ;; \begin{pmatrix}1&2&3&4\end{pmatrix} ;; \begin{pmatrix}1&2\\4&3\end{pmatrix} ;; \begin{pmatrix}1&2\end{pmatrix} ;; \begin{pmatrix}1&2&0\\3&4&0\end{pmatrix}
\frac{1}{2}\begin{pmatrix}2&4\\6&8\end{pmatrix} ;; \begin{pmatrix}1&2\\3&4\end{pmatrix} || \begin{pmatrix}2&4\\6&8\end{pmatrix}
\begin{vmatrix}1&2\\3&4\end{vmatrix} ;; -2 ;; 4-6 || 2 ;; 10
A ;; (A) ;; \text{A} ;; \text{(A)} ;; \textbf{(A)} ;; a ;; (a) ;; A. ;; A) ;; A: ;; \mathbf{A} ;; \mathrm{A} ;; \mathrm{(A)} ;; **A** ;; \text{(A)}\ 5 ;; (A) 5 ;; A. 5 ;; A) 5 ;; \textbf{(A) } 5 ;; (A)\ \frac12 ;; \text{Option A} ;; Option A ;; choice (A) ;; \text{Option (A)} ;; (\text{A}) ;; (\mathbf{A}) ;; (\textbf{A}) ;; \mathbf{(A)} ;; \boldsymbol{A} ;; \left(A\right) ;; \text{Answer: A} ;; The answer is A ;; \text{The answer is (A)} ;; \text{A}. ;; \textbf{(A)}\text{ yes} ;; A \text{ } ;; \text{A)} ;; \underline{A} ;; \textbf{A. } 5 ;; \textbf{A)}\ 5 ;; \bf{A} ;; {\bf A} ;; \bf (A) || B ;; (B) ;; A,B ;; (B) 5 ;; \text{D} ;; A and B ;; \text{A or B} ;; A/B ;; 5 ;; A+B ;; Option B ;; (A) or (C) ;; A? B ;; ABCD ;; ABCDE ;; A, B, C, D ;; \text{(A) (B)} ;; all ;; \text{all of the above} ;; \overline A ;; Not (A) ;; \text{A is wrong, B} ;; \text{(B), not (A)}
\textbf{(C)}\ 12 ;; C ;; (C) ;; 12 ;; c ;; \textbf{(C)} ;; \text{C} ;; (C) 12 ;; C. 12 || D ;; 13 ;; (D) 12 ;; (C) 13 ;; B ;; 21
E ;; (E) ;; e ;; \text{E} || \text{D} ;; 2.718 ;; \exp(1)
D ;; d ;; (D) ;; \text{(d)} || B ;; C
\text{(B) } \frac{3}{4} ;; B ;; \frac34 ;; (B) ;; 0.75 ;; (B) 0.75 || A ;; C ;; (C) \frac34 ;; (B) \frac12
A, C ;; A,C ;; \{A,C\} ;; (A), (C) || A, B, C
ACD ;; A, C, D ;; \text{ACD} ;; A,C,D || AC ;; ABCD ;; DCA
\text{even} ;; even ;; Even ;; \textbf{even} ;; "even" ;; \text{Even} ;; even. ;; \textit{even} ;; ``even'' ;; \text{ even } ;; **even** ;; \textbf{Even} ;; \underline{\text{even}} ;; \operatorname{even} || neve ;; eve ;; evens ;; even or odd ;; not even ;; \text{uneven} ;; 2
\text{no} ;; NO ;; \textbf{No} ;; \mathrm{no} ;; $\text{no}$ || on ;; n o ;; ON ;; \text{know} ;; o\cdot n ;; no, yes ;; yes or no ;; not no
\text{yes} ;; Yes ;; YES ;; \boxed{\text{Yes}} ;; Yes. ;; yes! || no ;; sey ;; yes and no ;; yes/no ;; y ;; \text{eyes}
BCA ;; \text{BCA} ;; B, C, A || ABC ;; CAB ;; ACB ;; BC ;; \text{ABC}
DNE ;; \text{DNE} ;; \text{does not exist} ;; Does not exist || NDE
\text{does not exist} ;; does not exist ;; DNE ;; Does Not Exist || exist ;; \text{does exist} ;; exists ;; 0 ;; \infty
\text{on} ;; on || no ;; n ;; o ;; \text{in}
\text{one} ;; one || neo ;; \text{eon} ;; \text{ten}
\text{Tom} ;; Tom ;; tom || Mot ;; \text{Tim} ;; motto
\text{Ana} ;; Ana || Naa ;; \text{Ann} ;; Aan
HTH ;; \text{HTH} || HHT ;; THH ;; TTH
\text{no real solutions} ;; no real solutions ;; No real solutions. ;; \text{No real solutions} || real solutions ;; \text{two real solutions} ;; 0
\text{Saturday} ;; Saturday ;; \text{saturday} || Sunday ;; Saturdays or Sunday ;; Sat urday
\text{March 14} ;; March 14 ;; March 14th ;; 14 March || March 15 ;; May 14 ;; 14 ;; March ;; March 41
\text{prime} ;; prime || composite ;; \text{not prime}
\text{acute} ;; acute || obtuse ;; \text{right} ;; cute
\text{Convergent} ;; convergent || divergent ;; \text{not convergent}
\text{blue} ;; Blue || red ;; \text{blue or red} ;; \text{lube}
\text{True} ;; true || False ;; F ;; untrue ;; \text{not true}
\text{x-axis} ;; x-axis ;; \text{the }x\text{-axis} ;; x\text{-axis} || y-axis ;; x ;; \text{axis}
\text{infinite} ;; infinite || finite ;; \infty
\text{III} ;; III || II ;; IV ;; \text{I}
\text{I and II} ;; I and II ;; II and I ;; \text{I, II} || I ;; \text{I and III} ;; I or III ;; \text{I, II, and III}
\text{Alice} ;; alice ;; Alice || Bob ;; \text{Celia} ;; Alice and Bob ;; \text{Alice or Bob} ;; Alice, Bob
\text{north} ;; North || \text{south} ;; \text{thorn} ;; northwest
\text{2:30 PM} ;; 2:30 PM ;; 2:30 || 2:30 AM ;; 3:20 PM
\infty ;; ∞ ;; \mathrm{inf} ;; Infinity || 10^{100} ;; \pm\infty ;; \infty-\infty ;; 2x
-\infty ;; \text{negative infinity} ;; -\text{infinity} ||
2516_8 ;; 2516 ;; 2516_{8} ;; 2516_{\text{eight}} ;; (2516)_8 ;; 2516_{(8)} ;; 2516₈ ;; 2516\text{ (base 8)} ;; 2516\text{ base 8} || 2516_7 ;; 2615_8 ;; 251_8 ;; 2516_{10} ;; 25168
1011_2 ;; 1011_{two} || 10110 ;; 10112
AB_{16} ;; AB ;; \text{AB}_{16} ;; \mathrm{AB}_{16} || BA_{16} ;; AB_{15}
3:4 ;; 3 : 4 ;; 3\colon4 ;; 3 \text{ to } 4 ;; 3\text{ to }4 || 3,4 ;; 3-4
1:2:3 || 1:3:2
\sqrt2:1 ;; \sqrt{2}:1 || 1:\sqrt2 ;; \sqrt2
x=4 || 2x+3=11 ;; x+1=5 ;; 2x=8 ;; x-4=0 ;; x=4x-12 ;; x^2=16 ;; x=4, x=5 ;; x\in\{4\}\cup\{5\} ;; x\in\mathbb{R} ;; x\ge4 ;; x \in [4,4.1]
4 || 2x+3=11 ;; x+1=5 ;; 2x=8 ;; 2+2=4=5 ;; \sqrt{16}\text{ or }5
x<3 ;; (-\infty,3) || 2x-1<5 ;; x-3<0 ;; 2x<6 ;; 6>2x
x=2 ;; 2 || x^3=8 ;; 2^x=4 ;; \log_2 4=x+0
y=2 || y=x ;; 3y=6
42 || n ;; x ;; 42x ;; 42+n-n+1 ;; \text{42 or 43} ;; 42/43 ;; 41<x<43 ;; [42,42] ;; (42,42) ;; 42\text{ or }-42 ;; |42| \text{ or } 7 ;; \pm42 ;; 42 \pm 0 ;; \text{between 41 and 43} ;; \approx 42 ;; \le 42 ;; \geq42 ;; \text{about }42 ;; \sim 42 ;; 42\ldots ;; 42? 43? ;; 42\text{ (not 43)} ;; 42 \text{ but not } 43 ;; 42,43 ;; 42 43 ;; 42\\43 ;; 42 & 43 ;; \{42\}\cup\{43\} ;; 42!/41! \text{ or }5 ;; 42 = 43 ;; 43 = 42 ;; 42 \neq 43 ;; 42 < 43 ;; 42 \to 43 ;; 42 \Rightarrow 43 ;; 42 \iff 43 ;; \max(42, x) ;; 42^{1/0} ;; 42 + 0/0 ;; 42 \cdot \infty / \infty ;; 42 \%\text{ or } 42 ;; 42_{8} ;; 42_{5} ;; 0x2A ;; 42i^4 i ;; \int 42 ;; \lim 42 ;; 42' ;; 42'' ;; 42^* ;; 42^\dagger ;; \hat{42} ;; \overline{42} ;; \tilde 42 ;; \vec{42} ;; *42* 43 ;; 42,\ldots,50 ;; 40, 41, 42 ;; 1,2,3,\ldots ;; \mathbb{N} ;; \text{any integer} ;; \text{the answer} ;; x=42 \text{ or } y=43 ;; x=42,y=43 ;; x=42\text{ and }43 ;; 42:1 ;; 42/1:1 ;; 42\cdot\text{unknown} ;; 42\text{ wrong} ;; 42\text{ is false} ;; \text{wrong }42 ;; \cancel{42} ;; \cancel{42} 43 ;; \sout{42} ;; 42^{\circ} 30' ;; ; 42 43
(1,2) || (1,2),(2,1) ;; (1,2)\text{ or }(2,1) ;; \{(1,2),(3,4)\} ;; (x,y) ;; (a,b) ;; (1,2)=(2,1) ;; (2,1)=(1,2) ;; (1,x) ;; (1,2,\ldots) ;; (1\text{ or }3, 2)
\text{yes} || \text{yes or no} ;; yes/no ;; yes, no ;; \text{yes} \text{no} ;; yes no ;; not yes ;; \text{Yes if } x>0 ;; yes? no! ;; \text{no (yes)} ;; \text{yes}=\text{no} ;; \text{no}=\text{yes} ;; yes\to no
A || A\ne B ;; A\cup B ;; A,B,C,D,E ;; (A)(B)(C)(D) ;; (A) (B) ;; A \to B ;; \text{A (or B)} ;; A/B/C ;; A|B ;; A\\B ;; A;B ;; (A) B ;; \text{(A)}\text{(B)} ;; A\text{ or }C ;; A/ ;; A^* ;; {A}{B} ;; AorB ;; (A). (B) ;; \text{A. no, B} ;; (A) =(B)
x^2+1 || f(x) ;; y ;; x^2+1=0 ;; x^2+c ;; ax^2+b ;; x^2+1+O(x) ;; x^2+1, x^2-1 ;; x^2\pm1 ;; x^2+1=x^2-1 ;; \frac{0}{0} ;; f(x)=f(x)
\sqrt{2} || \sqrt{x} ;; x ;; \sqrt2, -\sqrt2 ;; \pm\sqrt2 ;; \sqrt2\text{ or }2 ;; \sqrt2=2 ;; 2^{1/2}\ldots ;; \sqrt{2}\approx1.5 ;; 1.4\approx\sqrt2 ;; 1.41421\ldots
\{1,2\} || \{1,2,\ldots\} ;; \{1,2\}\cup\{3\} ;; \{1,2\},\{3\} ;; \{1,2\}\text{ or }\{3\} ;; \{x\} ;; \mathbb{R} ;; \{1,2,x\} ;; \{n\} ;; [1,2]
1,2 || 1,2,3 ;; 1,2,x ;; 1,2,\ldots ;; 1,2\text{ or }3 ;; 1\text{ or }2\text{ or }3 ;; x ;; \{1,2\},3
[0,1] || [0,1],[0,2] ;; [0,1]\text{ or }[0,2] ;; [0,x] ;; [0,1]=[0,2] ;; 0\le x\le1\text{ or }x=2 ;; 0\le x \le 1 \le 2 ;; \{[0,1]\}
0 || x-x+1 ;; 10^{-300} ;; 10^{-1000} ;; e^{-1000} ;; 10^{-4999} ;; \frac{1}{10^{2000}} ;; 0\pm1 ;; \frac{1}{\infty} ;; 1/\infty ;; \sin(10^{-50}) ;; 2^{-3000} ;; \frac{1}{900!} ;; \lfloor x\rfloor-x ;; 0\text{ or }1
1 || 1+10^{-400} ;; 1-10^{-4000} ;; \frac{10^{1000}}{10^{1000}+1} ;; \cos(10^{-40}) ;; e^{10^{-60}} ;; 1+e^{-2000} ;; \tanh 300 ;; \tanh 1000 ;; 0.9999999999999999 ;; 0.99999999999999999999999999 ;; 1^\infty ;; 1^{1/0} ;; x^0 y
\pi || 3.14159 ;; 3.1415926 5 ;; \frac{355}{113} ;; \sqrt{9.8696044} ;; 3.141592653589793238462643383279502884197169399375105820974944592307816407 ;; \sqrt[3]{31} ;; \ln(640320^3+744)/\sqrt{163}
e^{\pi\sqrt{163}} || 262537412640768744 ;; 640320^3+744
\sqrt{10^{100}+1} || 10^{50} ;; 10^{50}+\frac{1}{2\cdot10^{50}}
\frac{1}{10^{30}}+\pi || \pi ;; \pi+10^{-31}
x^{100}-1 || x^{100} ;; x^{100}-2
|x| || \sqrt{x}^2 ;; x
\ln(x^2) ;; 2\ln|x| || 2\ln(x)
\lfloor x \rfloor || x-\frac12+\frac{\arctan(\tan(\pi x))}{\pi} ;; \lceil x\rceil-1
x || \sqrt{x^2} ;; \frac{x^2}{x}+10^{-15} ;; x+10^{-14} ;; x(1+10^{-16}) ;; |x| ;; x+0\cdot\ln(-1) + 10^{-9}
\sin x || \sin(x+10^{-12}) ;; x-\frac{x^3}{6}+\frac{x^5}{120} ;; \sin(x+2\pi)+10^{-13}
k || k+\lfloor \frac{1}{1+k^2}\rfloor+10^{-12}
\max(x,1) || x ;; 1
\begin{pmatrix}1\\2\end{pmatrix}+t\begin{pmatrix}3\\4\end{pmatrix} ;; \begin{pmatrix}1+3t\\2+4t\end{pmatrix} ;; \begin{bmatrix}1\\2\end{bmatrix} + t \begin{bmatrix}3\\4\end{bmatrix} || \begin{pmatrix}1\\2\end{pmatrix} ;; \begin{pmatrix}3\\4\end{pmatrix} ;; \begin{pmatrix}1\\2\end{pmatrix}+t\begin{pmatrix}4\\3\end{pmatrix}
-2\begin{pmatrix}1\\-3\end{pmatrix} ;; \begin{pmatrix}-2\\6\end{pmatrix} || \begin{pmatrix}2\\6\end{pmatrix}
\begin{pmatrix}1&2&3\end{pmatrix}^T ;; \begin{pmatrix}1\\2\\3\end{pmatrix} || \begin{pmatrix}1&2&3\end{pmatrix}
\begin{cases}x=1\\y=2\end{cases} ;; (1,2) ;; x=1,y=2 ;; \begin{aligned}x&=1\\y&=2\end{aligned} ;; \begin{cases} x = 1, \\ y = 2 \end{cases} ;; \left\{\begin{array}{l}x=1\\y=2\end{array}\right. || (2,1) ;; x=1 ;; \begin{cases}x=2\\y=1\end{cases} ;; 1
f(x)=\begin{cases}x&x>0\\-x&x\le0\end{cases} ;; \begin{cases}x&x>0\\-x&x\le0\end{cases} ;; f(x) = \begin{cases} x & x > 0 \\ -x & x \leq 0 \end{cases} || \begin{cases}-x&x>0\\x&x\le0\end{cases} ;; x ;; |x|+1
\begin{cases} x, & \text{if } x \ge 0 \\ -x, & \text{if } x < 0 \end{cases} ;; \begin{cases} x & x \ge 0 \\ -x & x < 0 \end{cases} ;; \begin{cases} x & \text{if } x \ge 0 \\ -x & \text{if } x < 0 \end{cases} || x
\{\frac{\pi}{4}+k\pi \mid k\in\mathbb{Z}\} ;; \frac{\pi}{4}+k\pi, k\in\mathbb{Z} ;; x=\frac{\pi}{4}+k\pi ;; \{x\mid x=\frac\pi4+k\pi,k\in\mathbb{Z}\} || \frac\pi4+2k\pi ;; \{\frac{\pi}{4}\}
x=k\pi, k\in\mathbb{Z} ;; x=n\pi, n\in\mathbb{Z} ;; k\pi ;; x=k\pi\text{ for integer }k ;; x=k\pi, \text{ where }k\text{ is an integer} || x=2k\pi ;; x=\pi
P(X=2)=\frac{1}{4} ;; \frac14 ;; P(X = 2) = 0.25 || P(X=3)=\frac14 ;; 2
f(2)=5 ;; 5 ;; f(2) = 5 || f(3)=5 ;; 2 ;; f(2)=6
f(-1)=0 ;; 0 || 1
\text{The answer is (C)} ;; C ;; (C) || (D)
5\text{ feet }3\text{ inches} ;; 63\text{ inches} ;; 5\text{ feet and }3\text{ inches} ;; 5.25\text{ ft} ;; 5 ft 3 in || 5\text{ feet} ;; 3\text{ inches} ;; 5\text{ feet }4\text{ inches} ;; 53 ;; 8
1\text{ hour }45\text{ minutes} ;; 105\text{ minutes} ;; 1 hour and 45 minutes ;; 1.75\text{ hours} ;; 1\text{ hr }45\text{ min} ;; 1\text{ h }45\text{ min} || 1:45 PM ;; 145\text{ minutes} ;; 1\text{ hour} ;; 45\text{ minutes} ;; 46
30^\circ 15' ;; 30.25^\circ ;; 30^\circ15^\prime || 30^\circ ;; 45 ;; 30.15^\circ
5 ;; 5\text{ cm} || 5' ;; 5\text{ feet and }6\text{ inches}
3 \text{ m and } 4\text{ kg} ;; 3 \text{ m and } 4\text{ kg} || 7
x^2 > 4 ;; x^2>4 || x>2
y = x ;; x = y ;; y-x=0 ;; x-y=0 || y=-x ;; y=x+1
r = \sqrt{\frac{A}{\pi}} ;; \sqrt{\frac{A}{\pi}} ;; r=\sqrt{A/\pi} || A=\pi r^2 ;; \pi r^2=A
x=\frac{b-a}{2} ;; \frac{b-a}{2} ;; x=\frac{b}{2}-\frac{a}{2} || 2x+a=b
xy=12 ;; yx=12 ;; 12=xy || 12 ;; x+y=12
12 ;; xy=12 ;; x+y=12 || 21
x=4 || 2x+3=11 ;; x+1=5 ;; 2x=8 ;; x-4=0 ;; x=4x-12 ;; 4=x+0
x<3 ;; (-\infty,3) ;; 3>x || 2x-1<5 ;; x-3<0 ;; 2x<6 ;; 6>2x ;; -x>-3
-1<x<5 ;; (-1,5) || |x-2|<3 ;; -2<2x-2+0<8 ;; -3<x-2<3
x=\frac{c-b}{a} ;; \frac{c-b}{a} || ax+b=c ;; ax=c-b
t=6 ;; 6 || 3t=18 ;; t-6=0 ;; t^2=36
42 || 42_8 ;; 42_5 ;; \max(42,x) ;; |x-50|+x-8 ;; 42+|x|-x ;; \lfloor\frac{1}{1+x^2}\rfloor+42
50 || |x-50|+x ;; \sqrt{(x-50)^2}+x ;; |\ln x-50|+\ln x ;; \min(50,x^2+31)
x || |x| ;; \sqrt{x^2} ;; \min(x,10^3) ;; x-\lfloor\frac{x}{1000000}\rfloor
\lfloor x\rfloor || \lceil x\rceil-1
1 ;; \cos 0 || \cos(10^{-40}) ;; \tanh 300 ;; 1+e^{-900} ;; e^{10^{-60}} ;; \cos(10^{-300})
\sqrt{10^{100}+1} ;; (1+10^{100})^{1/2} || 10^{50} ;; 10^{50}+\frac{1}{2\cdot10^{50}}
\sqrt{2} || \sqrt2\approx1.5 ;; \sqrt2\approx1.42 ;; 1.5\approx\sqrt2
\sqrt{2} ;; \sqrt2\approx1.41 ;; \sqrt2\approx1.414 ;; \sqrt2\approx1.4 || \sqrt2\approx2
x^2+y^2=16 ;; y^2+x^2=16 || 16 ;; 4
25\% ;; 25 || 25\text{ cm} ;; \$25 ;; 25\text{ students} ;; 0.25\text{ m}
9:05 ;; 9:05 || 9:5 ;; 9:50
xyz ;; zxy || XYZ ;; Xyz
12 ;; 12 || 1\ 2 ;; 1 2 ;; 1{2}3 ;; \{12, 13\} ;; 12.5 ;; 12\text{ or more} ;; 12 or more ;; \text{at least }12 ;; at most 12 ;; 12+ ;; 12^+ ;; 12- ;; >12 ;; \ge 12 ;; \text{less than }12 ;; 12\text{ approximately } 13 ;; 12\text{ if }n=1 ;; 12n ;; n=12,13 ;; 12\text{ mod }13 ;; 12\pmod{13} ;; 12 \mod 5 ;; \text{multiple of }12 ;; \text{multiples of 12} ;; 12k ;; 12k, k\in\mathbb{Z} ;; k=12k ;; \{12k\} ;; \frac{12}{k} ;; f(12) ;; a_{12} ;; x_{12} ;; 12! ;; 12'' ;; \Delta 12 ;; 12\Delta ;; \angle 12 ;; \log 12 ;; \mathrm{twelve hundred} ;; 1.2\text{ tens} ;; 12\text{ dozen} ;; 12\text{ tens} ;; 12 hundred ;; 12\text{k} ;; 12\text{M} ;; 12\text{ billion} ;; 12 or so ;; (12, x) ;; 12\text{ (or 11)} ;; 12 [or 11] ;; 11 \to 12 ;; 11 + 1 = 12 = 13 ;; 12\div ;; \div12 ;; 12/ ;; /12 ;; 12= ;; =13, 12 ;; 13; 12 ;; 12:00 ;; 12\ \text{noon or midnight} ;; \not 12 ;; \sim12 ;; ≠12 ;; <12> ;; 12\text{ is too low} ;; 12\text{ plus }1 ;; 12 plus 1 ;; 12 times 2 ;; 12\text{ times } 2 ;; twice 12 ;; half of 12 ;; \text{half of }12 ;; \text{double }12 ;; 12\text{ squared} ;; \text{square root of }12 ;; \text{sqrt of }12 ;; \text{opposite of }12 ;; \text{minus }12 ;; \text{negative }12 ;; \text{the reciprocal of }12 ;; \text{reciprocal of } 12 ;; \text{square of }12 ;; \text{sum of }12 ;; \text{one more than }12 ;; \text{12 percent of 5} ;; 12\% \text{ of } 5 ;; \text{page }12 ;; \text{base }12 ;; 12\text{ in base }5 ;; 12\text{ nickels} \text{ or } 13 ;; \text{12 factorial} ;; \text{12!} ;; 12\text{th root} ;; 12\text{ degrees below zero} ;; 12\text{ below} ;; 12\text{ loss} ;; \text{loss of }12 ;; \text{loses }12 ;; \text{down }12 ;; 12\text{ in the hole} ;; \text{owes } 12 ;; 12\text{ fewer} ;; 12 fewer ;; 12 more than x ;; 12 ago ;; 12\text{ years ago}
12 ;; \text{number of ways}=12 ;; \text{Answer}=12 ;; 12\text{ ways} ;; 12 ways ;; \text{There are }12 ;; \text{There are } 12 \text{ ways} ;; \text{It is }12 ;; 12\text{ integers} ;; \text{12 ways} ;; n=12 ;; N = 12 ;; \text{total of }12 ;; \text{a total of }12 ;; 12 \text{ total} ;; 12\text{ in total} ;; \text{exactly }12 ;; \boxed{12} ;; 12\ \text{square units} ;; 12 sq units ;; k=12 ;; x+y=12 ;; a+b+c = 12 ;; |S|=12 ;; |A\cap B|=12 || 13
-3 || \text{down }3\text{ or }4 ;; 3\text{ below zero} ;; 3
\frac{1}{2} || 1\text{ out of }3 ;; \text{1 in 3} ;; 1:2:1 ;; \frac12\text{ or }\frac13 ;; \frac12\text{ if even} ;; 50 ;; .50\% ;; half ;; \frac12\ldots ;; \frac{1}{2}\pm\frac12
3 || \sqrt{9}\text{ or }-3 ;; \pm\sqrt9 ;; 3, -3 ;; |{-3}|, 3 ;; \sqrt[3]{27}\text{ or }0 ;; 9/3=2 ;; 3/1/1, 2 ;; (3) or (4)
7 ;; 07 ;; 7.000 ;; +7.0 ;; \textbf{7} ;; \bf 7 ;; {\bf 7} ;; \boldsymbol{7} ;; \bm{7} ;; \mathit{7} ;; \underline{\mathbf{7}} ;; __7__ ;; *7* ;; `7` ;; \large{7} ;; \Large 7 ;; \huge{7} ;; \textcolor{red}{7} ;; \color{blue} 7 ;; {\color{red} 7} ;; \fbox{7} ;; \framebox{7} ;; \mathrm{7} ;; \mathsf{7} ;; \mathtt{7} ;; \displaystyle{7} ;; \ensuremath{7} ;; $$7$$ ;; 7\, ;; \,7 ;; 7\; ;; \ 7 ;; 7~ ;; 7\quad ;; 7\hspace{1cm} ;; 7\vspace{1em} ;; 7\square ;; 7\blacksquare ;; 7! \div 720 || 7.7
12 ;; 1.2e1 ;; 1.2E+1 ;; 1.2\times10 ;; 1.2\times10^1 ;; 0.12e2 ;; 120e-1 ;; 120\times10^{-1} ;; 12e0 || 1.2e2 ;; 12e1 ;; 1.2e ;; 1e2 ;; 12e ;; e12
100 ;; 1e2 ;; 1E2 ;; 1.0e2 ;; 1e+2 ;; 1e02 ;; 10^2 ;; 10² ;; 1\times10^2 ;; 1\times 10^{2} ;; 100. || 1e3 ;; 1e1 ;; e2 ;; 1e-2 ;; 12 ;; 1\cdot e^2 ;; 1e^2
3.2\times10^5 ;; 320000 ;; 320,000 ;; 3.2e5 ;; 32\times10^4 ;; 3.2\cdot 10^{5} ;; 3.2*10^5 ;; 3.2\times{10^5} ;; (3.2\times10^5) ;; 3.2\times 10^{+5} ;; 3.2 × 10⁵ ;; 320{,}000 ;; 3.2·10^5 || 3.2\times10^4 ;; 3.2\times10^{-5} ;; 3.2^{5} ;; 32000 ;; 3.2\times 105 ;; 3.2
2\frac{1}{3} ;; \frac{7}{3} ;; 2.\overline{3} ;; 2.333\ldots ;; 2 + \frac{1}{3} ;; 2\tfrac{1}{3} ;; 2\dfrac13 ;; 2 1/3 ;; 2\text{ }\frac{1}{3} ;; 2-\frac{-1}{3} ;; 7/3 ;; 2⅓ ;; 2\;\frac{1}{3} ;; {2\frac{1}{3}} ;; \left(2\frac{1}{3}\right) ;; 2\frac{2}{6} || \frac{2}{3} ;; 2.3 ;; 2.33 ;; \frac{21}{3} ;; 21/3 ;; 2\frac{3}{1} ;; 3\frac12 ;; 2\cdot\frac13 ;; \frac{1}{3} ;; 2 ;; 2,\frac13
10\frac{3}{8} ;; 10.375 ;; \frac{83}{8} ;; 10 3/8 ;; 10\frac38 || \frac{30}{8} ;; \frac{103}{8} ;; 10\frac83
-4\frac{1}{5} ;; -4.2 ;; -\frac{21}{5} ;; -4 - \frac15 ;; -\left(4\frac15\right) ;; -4 1/5 || -3.8 ;; 4.2 ;; -\frac45 ;; -4+\frac15
\frac{5}{11} ;; 0.\overline{45} ;; 0.4545\ldots ;; 0.4545454545... ;; 0.(45) ;; 0.\dot4\dot5 ;; 0.45\overline{45} ;; \frac{45}{99} ;; .\overline{45} || 0.45 ;; 0.\overline{54} ;; 0.4\overline{5} ;; 0.46 ;; 0.4545 ;; \frac{9}{20}
\frac{1}{12} ;; 0.08\overline{3} ;; 0.0833\ldots ;; 0.08\bar3 ;; 0.08333333 || 0.083 ;; 0.\overline{083} ;; 0.0\overline{83} ;; 0.08
\frac{4}{9} ;; 0.\overline{4} ;; 0.4\overline{4} ;; 0.444\dots ;; 0.444... ;; .\overline4 ;; 44\frac49\% || 0.4 ;; 0.44 ;; 0.444 ;; 0.\overline{5} ;; 44\%
1.\overline{9} ;; 2 || 1.9 ;; 1.99
30^\circ ;; 30 ;; 30^{\circ} ;; \angle A=30^\circ ;; A=30^\circ ;; 30\,^{\circ} ;; 30\text{ deg} ;; 30 deg ;; \text{30 degrees} ;; \text{30}^\circ ;; 30^{°} ;; {30^\circ} || 30\% ;; 31^\circ ;; \frac{\pi}{3} ;; 300 ;; 150^\circ ;; 30^\circ\text{F}
\frac{\pi}{3} ;; π/3 ;; \pi/3 ;; \frac{1}{3}\pi ;; \frac{2\pi}{6} ;; \dfrac{\pi}{3} ;; \tfrac{π}{3} ;; \pi \div 3 ;; \frac{\pi}{3}\text{ radians} ;; \frac{\pi}{3}\text{ rad} || \frac{3}{\pi} ;; \frac\pi6 ;; 1.047 ;; \frac13 ;; 60
½ ;; 0.5 ;; \frac12 ;; 1/2 ;; 50% || 1½ ;; ⅓ ;; 2 ;; 12
⅞ ;; \frac78 ;; 0.875 ;; 7/8 || \frac87 ;; 7.8
5⅗ ;; 5.6 ;; \frac{28}{5} ;; 5\frac35 || 5.35 ;; 3
√2 ;; \sqrt2 ;; \sqrt{2} ;; 2^{1/2} ;; √{2} ;; √(2) ;; 2^0.5 ;; \surd 2 || √3 ;; 2 ;; 2√ ;; √2² ;; ∛2
5√7 ;; 5\sqrt{7} ;; \sqrt{175} ;; 5·√7 ;; 5×√7 ;; 5√{7} || 7√5 ;; √35 ;; 5√77 ;; 57
√(x+1) ;; \sqrt{x+1} ;; (x+1)^{1/2} || √x+1 ;; \sqrt{x}+1
x≥2 ;; x\ge2 ;; [2,∞) ;; [2,\infty) ;; 2≤x ;; 2\leqslant x ;; x∈[2,∞) ;; x >= 2 ;; x\geq 2\text{ } ;; \{x|x≥2\} ;; \{x : x\ge 2\} || x>2 ;; (2,∞) ;; x≤2 ;; [2,∞] and 3 ;; (-∞,2]
x<-3 \text{ or } x>3 ;; (-\infty,-3)\cup(3,\infty) ;; |x|>3 ;; x>3\text{ or }x<-3 ;; x \in (-\infty,-3) \cup (3,\infty) ;; (-∞,-3)∪(3,∞) ;; x<-3, x>3 ;; x<-3 \vee x>3 ;; (3,\infty)\cup(-\infty,-3) ;; \mathbb{R}\setminus[-3,3] || x<-3 ;; -3<x<3 ;; x\le-3\text{ or }x\ge3 ;; |x|<3 ;; (-3,3) ;; x>3
-2\le x<5 ;; [-2,5) ;; x\in[-2,5) ;; 5>x\ge-2 ;; -2≤x<5 ;; -2 \leq x < 5 ;; x\ge-2\text{ and }x<5 ;; x<5, x\geq -2 ;; \{x\mid-2\le x<5\} || [-2,5] ;; (-2,5) ;; -2<x<5 ;; [2,5) ;; -2\le x ;; x<5
(0,\infty) ;; x>0 ;; ]0,\infty[ ;; (0,+\infty) ;; 0<x<\infty ;; \mathbb{R}^+ ;; \{x\in\mathbb{R} : x>0\} ;; \mathbb{R}_{>0} ;; (0, ∞) || [0,\infty) ;; x\ge0 ;; (-\infty,0) ;; x\ne0
[1,4]\cup\{7\} ;; \{7\}\cup[1,4] ;; 1\le x\le4\text{ or }x=7 || [1,7] ;; [1,4] ;; [1,4]\cup[7,8]
4-3i ;; -3i+4 ;; 4-3\mathrm{i} ;; 4 - 3i ;; 4+(-3)i ;; (4-3i) ;; z=4-3i ;; \frac{8-6i}{2} ;; 4-3\cdot i ;; w = 4 - 3i || 4+3i ;; -4-3i ;; 3-4i ;; 1 ;; 4-3 ;; (4,-3) ;; 4-3j ;; 5 ;; 4i-3
\frac{2+i}{5} ;; \frac25+\frac15i ;; \frac{1}{2-i} ;; 0.4+0.2i ;; \frac{2}{5}+\frac{i}{5} || \frac{2-i}{5} ;; \frac{3i}{5} ;; \frac{2+i}{3}
(B) ;; B ;; (B) 5 ;; \text{(B)}\ 5 ;; \textbf{(B)} ;; B. ;; b ;; \text{B} ;; (b) ;; Option (B) ;; \text{option B} ;; Choice B ;; \mathbf{(B)}\;5 ;; \textbf{(B) }5 ;; \textbf{B)} ;; \boxed{\textbf{(B)}} ;; \text{B) }5 ;; \rm{(B)} ;; \text{\textbf{(B)}} ;; \textbf{\text{(B)}} ;; (B)~5 ;; (B): 5 ;; (B)\quad 5 ;; B \text{ } ;; \text{B } ;; The correct option is B ;; \text{The correct answer is B} ;; \text{The answer is: B} ;; answer B || (A) ;; A ;; (C) 5 ;; (A) 5 ;; B or C ;; BC ;; (B), (C) ;; 5 ;; \text{not B} ;; Option C ;; 8
(A) 5 ;; A ;; 5 ;; (A) || B ;; (B) 5 ;; (A) 6 ;; 6
5 ;; (A) 5 ;; \text{(C) } 5 ;; \textbf{(D)}\ 5 || (A) ;; (A) 6 ;; A
NO ;; no ;; \text{No} || ON ;; on ;; \text{on}
ABC ;; \text{ABC} ;; \mathrm{ABC} || BCA ;; CBA ;; ACB ;; AB ;; A+B+C ;; A \cdot B \cdot C
\text{DNE} ;; DNE ;; \mathrm{DNE} ;; does not exist || END ;; \text{Ned} ;; 0
\text{God} ;; god || dog ;; \text{Dog}
\text{was} ;; was || saw ;; swa
\text{top} ;; top || pot ;; opt
\text{ab} ;; ab || a+b
\text{left} ;; left || felt ;; right
\text{Mar} ;; mar || Ram ;; arm
\text{two} ;; two || tow ;; owt
\text{Dan} ;; Dan || And ;; nad ;; \text{and}
\text{Leo} ;; leo || Ole ;; \text{Noel}
\text{WIN} ;; win || now ;; NIW
TH ;; \text{TH} || HT ;; T ;; H
RRL ;; \text{RRL} || RLR ;; LRR
10\text{ AM} ;; 10:00 am || 10\text{ pm}
12\text{ noon} ;; 12\text{ noon} ;; 12 || 12\text{ midnight} ;; 12\text{ miles}
1\text{ m} ;; 100\text{ cm} || 1\text{ km} ;; 1\text{ mm} ;; 1\text{ mi} ;; 1\text{ m}^2
2\text{ kg} ;; 2 ;; 2000\text{ g} ;; 2 kilograms ;; 2 kgs || 2 g ;; 2\text{ lb} ;; 2\text{ km} ;; 2000
5\text{ mg} ;; 5 ;; 0.005\text{ g} || 5\text{ g} ;; 5\text{ kg}
3\text{ seconds} ;; 3 ;; 3 s ;; 3\text{ sec} || 3\text{ minutes} ;; 3\text{ hours}
7\text{ m/s} ;; 7 ;; 7\text{ m s}^{-1} ;; 7\text{ m}\cdot\text{s}^{-1} || 7\text{ km/s} ;; 7\text{ m} ;; 7\text{ ms}
\$20 ;; 20 ;; 20\text{ dollars} ;; \$20.00 || 20\text{ cents} ;; \$2 ;; £20 ;; 2000
50\text{ cents} ;; 50 ;; \$0.50 ;; 50¢ || \$50 ;; 50\text{ dollars}
8 ;; 8=8 || 8\neq 7 ;; 8>7 ;; 8<9 ;; 8=7+2 ;; x=8=7
7 || 7=7.5 ;; x+7=x+8 ;; 7 = 7, 8 ;; 0=7 ;; 7=0
10^{-9} ;; \frac{1}{10^9} ;; 1e-9 || 10^{-10} ;; 2\times10^{-9} ;; 0 ;; 10^{-8}
\frac{1}{3^{40}} ;; 3^{-40} ;; 9^{-20} || 3^{-41} ;; 0 ;; \frac{1}{3^{40}+1} ;; 2\cdot 3^{-40}
\frac{1}{2^{64}} ;; 2^{-64} || \frac{1}{2^{65}} ;; \frac{1}{2^{64}-1} ;; 0
1.0\times10^{-14} ;; 10^{-14} || 1.1\times10^{-14} ;; 10^{-15} ;; 0
\frac{7^{50}+1}{7^{51}} ;; \frac17+7^{-51} || \frac17 ;; \frac{7^{50}+2}{7^{51}}
1-\frac{1}{2^{40}} ;; \frac{2^{40}-1}{2^{40}} || 1 ;; 1-\frac{1}{2^{41}}
"""
